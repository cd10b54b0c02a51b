import type {InputIndex} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';

/** The inputs of a vertex, each once. */
export class Inputs {
	readonly #digests: Digest[] = [];

	get digests(): readonly Digest[] {
		return this.#digests;
	}

	/** The place of an input; `null` for the empty file system, which needs none. */
	add(digest: Digest | null): InputIndex | null {
		if (digest === null) {
			return null;
		}

		if (!this.#digests.includes(digest)) {
			this.#digests.push(digest);
		}

		return this.#digests.indexOf(digest);
	}
}
