import type {Descriptor} from '../../src/linux/descriptor.ts';

/**
The descriptors that init starts with. Each has in init the number of its place here, and none is closed before init runs, so the first that init opens gets the number `next`.
*/
export class InheritedDescriptors {
	readonly #descriptors: Descriptor[];

	/**
	Begins with the first four.

	@param first input, output, error output and status: the descriptors 0 to 3
	*/
	constructor(first: readonly [Descriptor, Descriptor, Descriptor, Descriptor]) {
		this.#descriptors = [...first];
	}

	/** The lowest number that is free in init. */
	get next(): number {
		return this.#descriptors.length;
	}

	/** For the `stdio` of `child_process.spawn`. */
	get stdio(): number[] {
		return this.#descriptors.map(({number}) => number);
	}

	/** Adds a descriptor, and returns its number in init. It stays open and its owner's. */
	add(descriptor: Descriptor): number {
		this.#descriptors.push(descriptor);
		return this.#descriptors.length - 1;
	}
}
