import {Buffer} from 'node:buffer';
import {fchownSync} from 'node:fs';
import {O_CLOEXEC} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check} from './linux-error.ts';

/**
The two ends of a pipe.
*/
export type Pipe = {
	readonly read: Descriptor;
	readonly write: Descriptor;
};

// The size of an `int`.
const descriptorSize = 4;

/**
A pipe that belongs to a user, who can so open it anew by `/dev/stdout`. (Node's `stdio: 'pipe'` is a pair of sockets, which nobody can open.)

@throws {LinuxError} `EMFILE`; a system error of Node when the owner cannot be set
@see https://man7.org/linux/man-pages/man2/pipe.2.html
*/
export function createPipe({uid, gid}: {readonly uid: number; readonly gid: number}): Pipe {
	const numbers = Buffer.alloc(2 * descriptorSize);
	check(libc().pipe2(numbers, O_CLOEXEC), 'pipe2', {action: 'create pipe'});
	using ends = new DisposableStack();
	const read = ends.use(new Descriptor(numbers.readInt32LE(0)));
	const write = ends.use(new Descriptor(numbers.readInt32LE(descriptorSize)));
	// Both ends are one inode.
	fchownSync(read.number, uid, gid);
	ends.move();
	return {read, write};
}
