import type {Writable} from 'node:stream';

// How much may wait for the reader before whoever can wait is asked to. Characters or bytes, as the stream counts.
const enough = 2 ** 20;

/**
The standard error, which may be a pipe that is read slowly, or not at all.

Nothing here waits: the loop of events goes on, so that signals and limits of time end a build whoever reads its output. What the reader does not take is kept. So steps, which can print faster than anybody reads, ask for `room`, and wait as they would with a pipe of their own.

When nobody reads any more, nothing is written.
*/
export class StandardError {
	readonly #stream: Writable;
	#drained: Promise<void> | undefined;
	#isGone = false;

	/** Writes text, now or as soon as it is read. */
	readonly write = (text: string): void => {
		if (!this.#isGone) {
			this.#stream.write(text);
		}
	};

	/** Whether something waits for the reader. */
	readonly isBehind = (): boolean => this.#stream.writableLength > 0;

	/** Resolves when the reader has caught up; `undefined` when there is no reason to wait. */
	readonly room = (): Promise<void> | undefined => {
		if (this.#isGone || this.#stream.writableLength < enough) {
			return undefined;
		}

		this.#drained ??= this.#drain();
		return this.#drained;
	};

	/**
	Takes over what is written to it.

	@param stream one that says with `writableLength` what has not been taken, such as `process.stderr`
	*/
	constructor(stream: Writable) {
		this.#stream = stream;
		stream.on('error', () => {
			this.#isGone = true;
		});
	}

	async #drain(): Promise<void> {
		const {promise, resolve} = Promise.withResolvers<void>();
		this.#stream.once('drain', resolve).once('error', resolve);
		await promise;
		this.#stream.off('drain', resolve).off('error', resolve);
		this.#drained = undefined;
	}
}
