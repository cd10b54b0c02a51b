import type {Clock} from '../../src/progress/clock.ts';

type Timer = {readonly interval: number; readonly tick: () => void; due: number};

/** A clock that stands still until a test moves it on. */
export class ManualClock implements Clock {
	readonly #timers = new Set<Timer>();
	#time: number;

	readonly now = (): number => this.#time;

	readonly every: Clock['every'] = (interval, tick) => {
		const timer: Timer = {interval, tick, due: this.#time + interval};
		this.#timers.add(timer);
		return {
			restart: () => {
				timer.due = this.#time + interval;
			},
			[Symbol.dispose]: () => {
				this.#timers.delete(timer);
			},
		};
	};

	constructor(time: number) {
		this.#time = time;
	}

	#nextBefore(time: number): Timer | undefined {
		return [...this.#timers].filter(({due}) => due < time).toSorted((left, right) => left.due - right.due)[0];
	}

	/** Moves on to a time, and calls what is due until then. */
	advanceTo(time: number): void {
		for (let next = this.#nextBefore(time); next !== undefined; next = this.#nextBefore(time)) {
			this.#time = next.due;
			next.due += next.interval;
			next.tick();
		}

		this.#time = Math.max(time, this.#time);
	}
}
