/**
Work that goes on beside whoever starts it, a few pieces at a time. The first error stops all of it; disposing stops it too, and waits until it has ended.
*/
export class BackgroundWork implements AsyncDisposable {
	readonly #maximum: number;
	readonly #running = new Set<Promise<void>>();
	readonly #stopping = new AbortController();
	/** Aborted by the outer signal, by the first error, and at the end. */
	readonly signal: AbortSignal;

	constructor(maximum: number, signal: AbortSignal | undefined) {
		this.#maximum = maximum;
		this.signal = signal === undefined ? this.#stopping.signal : AbortSignal.any([signal, this.#stopping.signal]);
	}

	#track(work: Promise<unknown>): void {
		const ended = async () => {
			try {
				await work;
			} catch (error) {
				// Whoever awaits the work itself gets the error from there.
				this.#stopping.abort(error);
			} finally {
				this.#running.delete(running);
			}
		};

		const running = ended();
		this.#running.add(running);
	}

	/**
	Starts a piece of work as soon as there is room.

	@returns its result to come, in an object because a promise would be awaited
	@throws the reason of the signal
	*/
	async start<Value>(work: () => Promise<Value>): Promise<{readonly result: Promise<Value>}> {
		while (this.#running.size >= this.#maximum) {
			await Promise.race(this.#running);
		}

		this.signal.throwIfAborted();
		const result = work();
		this.#track(result);
		return {result};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#stopping.abort();
		await Promise.all(this.#running);
	}
}
