import {Buffer} from 'node:buffer';
import {constants, openSync, readSync} from 'node:fs';
import {Socket} from 'node:net';
import {errorCode} from '../../src/kernel/errors.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {libc} from '../../src/linux/libc.ts';
import {check} from '../../src/linux/linux-error.ts';

// https://man7.org/linux/man-pages/man2/F_GETPIPE_SZ.2const.html
const F_GETPIPE_SZ = 1032;

/**
Reads a pipe while its writers run, and what is left in it when they have ended.
*/
export class PipeReader implements Disposable {
	readonly #pipe: Descriptor;
	readonly #take: (data: Uint8Array) => void;
	readonly #socket: Socket;

	/**
	Begins to read.

	@param pipe the reading end; stays its owner's
	@param take gets each piece as it comes
	@param room asked after each piece: resolves when the next can be taken; `undefined` when it can now
	*/
	constructor(pipe: Descriptor, take: (data: Uint8Array) => void, room: () => Promise<void> | undefined = () => undefined) {
		this.#pipe = pipe;
		this.#take = take;
		// A Socket waits for a pipe in the event loop, where a file stream would block a thread of Node's few. It closes what it is given.
		this.#socket = new Socket({fd: openSync(pipe.path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false});
		this.#socket.on('data', data => {
			take(data);
			this.#waitFor(room());
		});
	}

	/** Leaves it to the writers to wait: the pipe is full soon. */
	#waitFor(room: Promise<void> | undefined): void {
		if (room === undefined) {
			return;
		}

		this.#socket.pause();
		void room.then(() => this.#socket.resume());
	}

	/** Takes what was read while there was no room, which the end of the socket would throw away. */
	#takeRead(): void {
		this.#socket.removeAllListeners('data');
		let data: Uint8Array | null;
		while ((data = this.#socket.read() as Uint8Array | null) !== null) {
			this.#take(data);
		}
	}

	/**
	Takes what is in the pipe now, and ends reading. It does not wait for the end of the pipe, which somebody outside may hold open.
	*/
	finish(): void {
		this.#takeRead();
		this.#socket.destroy();
		for (const data of readAvailable(this.#pipe)) {
			this.#take(data);
		}
	}

	[Symbol.dispose](): void {
		this.#socket.destroy();
	}
}

/**
Reads what is in a pipe now, and no more than it can hold: a step may have handed its end to somebody who lives on and never stops writing.

@yields a piece, never empty
*/
export function * readAvailable(pipe: Descriptor): Generator<Buffer> {
	using file = Descriptor.open(pipe.path, constants.O_RDONLY | constants.O_NONBLOCK);
	for (let remaining = capacityOf(file); remaining > 0;) {
		const buffer = Buffer.allocUnsafe(Math.min(remaining, 64 * 1024));
		const size = readIfAvailable(file, buffer);
		if (size === 0) {
			return;
		}

		remaining -= size;
		yield buffer.subarray(0, size);
	}
}

// A step can make its pipe larger, up to a limit of the system.
function capacityOf(pipe: Descriptor): number {
	return check(libc().fcntl(pipe.number, F_GETPIPE_SZ, 0), 'fcntl', {action: 'read the size of a pipe'});
}

function readIfAvailable(file: Descriptor, buffer: Buffer): number {
	try {
		return readSync(file.number, buffer);
	} catch (error) {
		if (errorCode(error) === 'EAGAIN') {
			return 0;
		}

		throw error;
	}
}
