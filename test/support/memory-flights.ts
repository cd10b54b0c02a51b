import {TsbuildError} from '../../src/kernel/errors.ts';
import type {Flights} from '../../solver/flights.ts';
import type {CacheKey} from '../../solver/vertex.ts';

/** Flights of the jobs of one process. */
export class MemoryFlights implements Flights {
	readonly #ends = new Map<CacheKey, Promise<void>>();
	readonly #isWaited = Promise.withResolvers<void>();

	/** Resolves when somebody waits for another. */
	get firstWait(): Promise<void> {
		return this.#isWaited.promise;
	}

	get count(): number {
		return this.#ends.size;
	}

	tryBegin(key: CacheKey): Disposable | undefined {
		if (this.#ends.has(key)) {
			return undefined;
		}

		const {promise, resolve} = Promise.withResolvers<void>();
		this.#ends.set(key, promise);
		return {
			[Symbol.dispose]: () => {
				this.#ends.delete(key);
				resolve();
			},
		};
	}

	async waitForOther(key: CacheKey, {signal}: {readonly signal: AbortSignal}): Promise<void> {
		const aborted = new Promise<never>((_resolve, reject) => {
			signal.addEventListener('abort', () => {
				reject(signal.reason instanceof Error ? signal.reason : new TsbuildError('ERR_TSBUILD_CANCELED', 'canceled'));
			}, {once: true});
		});
		this.#isWaited.resolve();
		await Promise.race([this.#ends.get(key), aborted]);
	}
}
