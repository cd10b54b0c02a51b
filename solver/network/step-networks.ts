import {abortable} from '../../src/kernel/abortable.ts';
import type {StepNetwork} from '../executor/network.ts';

/** Who shares a network: a step with all rights of root could change it for the others. */
export type StepClass = 'sandbox' | 'insecure';

/**
The networks of a build: one namespace for all steps of a class, made when the first of them starts.

Its steps see each other, and neither the machine's 127.0.0.1 nor its abstract Unix sockets (CVE-2020-15257).
*/
export class StepNetworks implements AsyncDisposable {
	readonly #opened = new AsyncDisposableStack();
	readonly #networks = new Map<StepClass, Promise<StepNetwork>>();
	readonly #ended = new AbortController();
	readonly #warn: (line: string) => void;
	#hasWarned = false;

	/**
	Makes none yet.

	@param warn takes one line when steps get the network of the host
	*/
	constructor(warn: (line: string) => void) {
		this.#warn = warn;
	}

	async #open(): Promise<StepNetwork> {
		// Imported with the first step that executes.
		const {openStepNetwork} = await import('./open-step-network.ts');
		const opened = this.#opened.use(await openStepNetwork(this.#ended.signal));
		if (opened.type === 'namespace') {
			return opened.network;
		}

		if (!this.#hasWarned) {
			this.#hasWarned = true;
			this.#warn(`RUN steps use the network of the host, with its local services: ${opened.reasons.join(', ')}; --network none takes it from them`);
		}

		return 'host';
	}

	/**
	The network of a class. It stays open until all are disposed of.

	@param stepClass of the step that asks
	@param signal ends its waiting; others may still want the network
	@returns `host` when this machine allows no other one
	@throws the reason of `signal`
	*/
	async open(stepClass: StepClass, signal?: AbortSignal): Promise<StepNetwork> {
		const network = this.#networks.get(stepClass) ?? this.#open();
		this.#networks.set(stepClass, network);
		return abortable(network, signal);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#ended.abort();
		await Promise.allSettled(this.#networks.values());
		await this.#opened.disposeAsync();
	}
}
