import {constants, openSync, writeSync} from 'node:fs';
import {Writable} from 'node:stream';
import {errorCode} from '../kernel/errors.ts';

// A terminal says nobody when it is read again (Ctrl-Q), so it is tried; milliseconds.
const retryInterval = 10;

/**
A stream to a terminal that does not wait for it.

Node's own streams do: with a terminal that has been stopped (Ctrl-S) or whose other side does not read, the whole process would hang.

@param descriptor of the terminal; stays open, and blocking for those who share it
@throws {NodeJS.ErrnoException} when the terminal belongs to somebody else
@see https://nodejs.org/api/process.html#a-note-on-process-io
*/
export function openTerminalStream(descriptor: number): Writable {
	const own = openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
	return new Writable({
		write(chunk: Uint8Array, _encoding, done) {
			writeAll(own, chunk, done);
		},
	});
}

function writeAll(descriptor: number, data: Uint8Array, done: (error?: Error) => void): void {
	try {
		const rest = data.subarray(writeSome(descriptor, data));
		if (rest.length === 0) {
			done();
		} else {
			setTimeout(writeAll, retryInterval, descriptor, rest, done);
		}
	} catch (error) {
		done(error as Error);
	}
}

/** Writes what the terminal takes now; returns how many bytes that were. */
function writeSome(descriptor: number, data: Uint8Array): number {
	try {
		return writeSync(descriptor, data);
	} catch (error) {
		if (errorCode(error) === 'EAGAIN') {
			return 0;
		}

		throw error;
	}
}
