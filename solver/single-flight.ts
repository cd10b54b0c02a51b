import type {Flights} from './flights.ts';
import type {CacheKey} from './vertex.ts';

/** Lets one vertex at a time execute for each key, among those of this job and of all others. */
export class SingleFlight {
	readonly #flights: Flights | undefined;
	/** Those of this job, with what their ends are known by. */
	readonly #own = new Map<CacheKey, Promise<void>>();

	/** Without `flights` there are no others. */
	constructor(flights: Flights | undefined) {
		this.#flights = flights;
	}

	/**
	Begins to execute; disposing ends it.

	@returns `undefined` while another vertex does so under this key
	*/
	tryBegin(key: CacheKey): Disposable | undefined {
		if (this.#own.has(key)) {
			return undefined;
		}

		const flight = this.#flights?.tryBegin(key);
		if (flight === undefined && this.#flights !== undefined) {
			return undefined;
		}

		const {promise, resolve} = Promise.withResolvers<void>();
		this.#own.set(key, promise);
		return {
			[Symbol.dispose]: () => {
				using _flight = flight;
				this.#own.delete(key);
				resolve();
			},
		};
	}

	/** The end of the vertex of this job that executes under a key, if there is one. */
	ownEnd(key: CacheKey): Promise<void> | undefined {
		return this.#own.get(key);
	}

	/**
	Waits until no other job executes under a key.

	@throws the reason of `signal`
	*/
	async waitForOther(key: CacheKey, signal: AbortSignal): Promise<void> {
		await this.#flights?.waitForOther(key, {signal});
	}
}
