import {Buffer} from 'node:buffer';
import {writeSync} from 'node:fs';
import {errorCode} from '../kernel/errors.ts';

const standardError = 2;

// How long a full pipe is left alone before the next try, in milliseconds: a reader that is at work empties it soon.
const shortestWait = 0.05;
const longestWait = 20;

/**
Writes to the standard error, and returns when all is written.

`process.stderr` does the same for files and terminals, but for a pipe it queues what the reader does not take: a step that prints faster than that would fill the memory. Here the build waits, as the step itself would. When nobody reads any more, nothing is written.

@see https://nodejs.org/api/process.html#a-note-on-process-io
*/
export function writeStandardError(text: string): void {
	let rest: Uint8Array = Buffer.from(text);
	let wait = shortestWait;
	while (rest.length > 0) {
		const written = writeSome(rest);
		rest = rest.subarray(written);
		if (written > 0) {
			wait = shortestWait;
		} else {
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
			wait = Math.min(wait * 2, longestWait);
		}
	}
}

/** Writes what the other side takes now; returns how many bytes are done with. */
function writeSome(data: Uint8Array): number {
	try {
		return writeSync(standardError, data);
	} catch (error) {
		const code = errorCode(error);
		if (code === 'EAGAIN') {
			return 0;
		}

		if (code === 'EPIPE' || code === 'EIO') {
			return data.length;
		}

		throw error;
	}
}
