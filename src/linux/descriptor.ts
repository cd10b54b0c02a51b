import {closeSync, openSync} from 'node:fs';

/**
An open file descriptor that is owned: whoever holds the object closes it, best with `using`.
*/
export class Descriptor implements Disposable, AsyncDisposable {
	/**
	Opens a path of the host with Node's `open`; Node sets O_CLOEXEC.

	@throws a system error of Node
	*/
	static open(path: string, flags: number): Descriptor {
		return new Descriptor(openSync(path, flags));
	}

	#number: number | undefined;

	/**
	Takes over the ownership of an open descriptor.
	*/
	constructor(number: number) {
		this.#number = number;
	}

	/**
	What system calls know it by.

	@throws {TypeError} when it is closed: the number may belong to another file by then
	*/
	get number(): number {
		if (this.#number === undefined) {
			throw new TypeError('the descriptor is closed');
		}

		return this.#number;
	}

	/**
	A path to what the descriptor is open on, for functions that take only paths. It works in all threads of this process, and opens the file anew.
	*/
	get path(): string {
		return `/proc/self/fd/${this.number}`;
	}

	/**
	Gives up the ownership, to somebody who takes a number and closes it himself.

	@throws {TypeError} when it is closed
	*/
	release(): number {
		const {number} = this;
		this.#number = undefined;
		return number;
	}

	/**
	Closes the descriptor; later calls do nothing.
	*/
	close(): void {
		const number = this.#number;
		this.#number = undefined;
		if (number !== undefined) {
			closeSync(number);
		}
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}
}

/**
A descriptor that a function uses and leaves open.
*/
export type BorrowedDescriptor = Descriptor | number;

/**
What system calls know a borrowed descriptor by.
*/
export function descriptorNumber(descriptor: BorrowedDescriptor): number {
	return typeof descriptor === 'number' ? descriptor : descriptor.number;
}
