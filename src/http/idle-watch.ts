// A server that sends a byte now and then must not keep anybody waiting for ever.
const minimumProgress = 1024;

/**
Notices that a connection stands still: `signal` aborts when it has been waited for during `milliseconds`, and less than a kilobyte has passed meanwhile. Time in which nobody waits does not count.
*/
export class IdleWatch implements Disposable {
	readonly #controller = new AbortController();
	readonly #milliseconds: number;
	#timer: NodeJS.Timeout | undefined;
	#remaining: number;
	#resumed = 0;
	#passed = 0;
	#isDisposed = false;

	constructor(milliseconds: number) {
		this.#milliseconds = milliseconds;
		this.#remaining = milliseconds;
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	/** The connection is waited for from now on. */
	resume(): void {
		if (this.#timer !== undefined || this.#isDisposed) {
			return;
		}

		this.#resumed = performance.now();
		this.#timer = setTimeout(() => {
			this.#controller.abort();
		}, Math.max(this.#remaining, 0));
	}

	/** Nobody waits for the connection now; so many bytes have passed. */
	pause(bytes: number): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#passed += bytes;
		this.#remaining -= performance.now() - this.#resumed;
		if (this.#passed >= minimumProgress) {
			this.restart();
		}
	}

	/** What has been waited for is there: the time begins anew. */
	restart(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#passed = 0;
		this.#remaining = this.#milliseconds;
	}

	/** From now on nothing is waited for, whoever still says so. */
	[Symbol.dispose](): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#isDisposed = true;
	}
}
