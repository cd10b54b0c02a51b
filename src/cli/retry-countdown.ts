import {Buffer} from 'node:buffer';
import {internalVertexDigest} from '../kernel/internal-vertex.ts';
import type {ProgressSink, VertexEvent} from '../kernel/progress-event.ts';
import type {Clock, Ticker} from '../progress/clock.ts';
import type {RetryNotice} from '../http/retry.ts';

type Wait = {
	readonly vertex: VertexEvent;
	/** Milliseconds since the epoch. */
	readonly end: number;
	/** Seconds, as they were shown last. */
	shown: number;
};

// Shorter than a second, so that none is left out.
const tickMilliseconds = 250;

/**
Shows on a terminal how long registries are left alone: a step with the reason, and below it the seconds that are left. Where lines stay, each second would be one: there it is of no use.
*/
export class RetryCountdown implements Disposable {
	readonly #progress: ProgressSink;
	readonly #clock: Clock;
	/** By registry: its requests wait together. */
	readonly #waits = new Map<string, Wait>();
	#ticker: Ticker | undefined;

	readonly #tick = (): void => {
		const now = this.#clock.now();
		for (const [domain, wait] of this.#waits) {
			const seconds = Math.ceil((wait.end - now) / 1000);
			if (seconds <= 0) {
				this.#waits.delete(domain);
				this.#progress({...wait.vertex, completed: now});
			} else if (seconds !== wait.shown) {
				wait.shown = seconds;
				this.#progress({
					type: 'log', vertex: wait.vertex.digest, stream: 'stderr', data: Buffer.from(`asked again in ${seconds} s\r`), timestamp: now,
				});
			}
		}

		if (this.#waits.size === 0) {
			this[Symbol.dispose]();
		}
	};

	constructor(progress: ProgressSink, clock: Clock) {
		this.#progress = progress;
		this.#clock = clock;
	}

	/** A registry is left alone for a while. One that is already, is so until the later end. */
	begin({domain, reason, seconds}: RetryNotice): void {
		const now = this.#clock.now();
		const known = this.#waits.get(domain);
		const vertex = known?.vertex ?? waitingVertex(`waiting for ${domain}: ${reason}`, now);
		this.#waits.set(domain, {vertex, end: Math.max(now + (seconds * 1000), known?.end ?? 0), shown: 0});
		this.#progress(vertex);
		this.#ticker ??= this.#clock.every(tickMilliseconds, this.#tick);
		this.#tick();
	}

	/** Shows no more of it. */
	[Symbol.dispose](): void {
		this.#ticker?.[Symbol.dispose]();
		this.#ticker = undefined;
	}
}

/** Each wait is a step of its own. */
function waitingVertex(name: string, started: number): VertexEvent {
	return {
		type: 'vertex', digest: internalVertexDigest(`${name} since ${started}`), name, inputs: [], started,
	};
}
