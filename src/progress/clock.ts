/** Calls a function again and again, until it is disposed. */
export type Ticker = Disposable & {
	/** Begins the current interval anew. */
	readonly restart: () => void;
};

/** Where a display has its time from. Tests replay builds with a clock of their own. */
export type Clock = {
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Calls `tick` each time the interval, in milliseconds, has passed. It does not keep the process alive. */
	readonly every: (interval: number, tick: () => void) => Ticker;
};

/** The clock of this machine. */
export const systemClock: Clock = {
	now: () => Date.now(),
	every(interval, tick) {
		const timer = setInterval(tick, interval).unref();
		return {
			restart() {
				timer.refresh();
			},
			[Symbol.dispose]() {
				clearInterval(timer);
			},
		};
	},
};
