/**
Lets one piece of work at a time happen for each key, within this process.
*/
export class KeyedLock<Key> {
	readonly #tails = new Map<Key, Promise<void>>();

	/** Waits until nobody else holds the key. Dispose to let it go. */
	async acquire(key: Key): Promise<Disposable> {
		const previous = this.#tails.get(key);
		const {promise, resolve} = Promise.withResolvers<void>();
		this.#tails.set(key, promise);
		await previous;
		return {
			[Symbol.dispose]: () => {
				if (this.#tails.get(key) === promise) {
					this.#tails.delete(key);
				}

				resolve();
			},
		};
	}
}
