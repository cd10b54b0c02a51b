import {O_CLOEXEC} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc, type Libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';
import {cString, type Name} from './name.ts';
import {baseNumber, type Base} from './place.ts';
import {structureOf} from './structure.ts';

/**
How to open a file.
*/
export type OpenOptions = {
	/**
	`O_...` constants; O_CLOEXEC is always added.
	*/
	readonly flags: number;
	/**
	Permissions of a file that O_CREAT makes; the umask of the process is taken off.
	*/
	readonly mode?: number;
	/**
	`RESOLVE_...` constants.
	*/
	readonly resolve?: number;
};

// Linux gives up with EAGAIN when something was renamed or mounted anywhere while it walked over a "..". A process that does nothing but rename lets more than a hundred attempts fail; this many take some 50 milliseconds.
const maximumAttempts = 10_000;

/**
Opens a file by openat2(2). Without `resolve` a name of several parts may lead anywhere: what comes from outside is for `openInRoot`.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/openat2.2.html
*/
export function openFile(directory: Base, name: Name, {flags, mode = 0, resolve = 0}: OpenOptions): Descriptor {
	const how = structureOf(BigInt(flags | O_CLOEXEC), BigInt(mode), BigInt(resolve));
	const call = () => libc().openat2(baseNumber(directory), cString(name), how, how.length);
	return new Descriptor(check(repeatWhileBusy(call), 'openat2', {action: 'open', path: name}));
}

function repeatWhileBusy(call: () => ReturnType<Libc['openat2']>): number {
	let result = call();
	for (let attempt = 1; attempt < maximumAttempts && hasFailedWith(result, 'EAGAIN'); attempt++) {
		result = call();
	}

	return result;
}
