/*
A vertex that executes may hold up the cache key of a later one (COPY --from takes the content of a stage that is still being built). What else that later vertex stands on, and what was not found in the cache, has to execute sooner or later: it does so at the same time instead of afterwards. So independent stages run side by side.

While nothing executes, keys are known in microseconds and nothing is presumed: a vertex that is found in the cache never makes its inputs execute.
*/

/** The inputs of one waiting vertex that are sure to be executed. */
type Waiting<Item> = Disposable & {
	add(item: Item): void;
};

/** Asks for what is sure to be needed while something else executes. */
export class Speculation<Item> {
	readonly #demand: (item: Item) => void;
	readonly #waiting = new Set<ReadonlySet<Item>>();
	#running = 0;

	constructor(demand: (item: Item) => void) {
		this.#demand = demand;
	}

	/** For the time in which something executes. */
	run(): Disposable {
		this.#running++;
		for (const item of [...this.#waiting].flatMap(items => [...items])) {
			this.#demand(item);
		}

		return {
			[Symbol.dispose]: () => {
				this.#running--;
			},
		};
	}

	/** For the time in which a vertex waits for what it has to know of its inputs. */
	wait(): Waiting<Item> {
		const items = new Set<Item>();
		this.#waiting.add(items);
		return {
			add: item => {
				items.add(item);
				if (this.#running > 0) {
					this.#demand(item);
				}
			},
			[Symbol.dispose]: () => {
				this.#waiting.delete(items);
			},
		};
	}
}
