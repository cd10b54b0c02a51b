import {constants} from 'node:fs';
import process from 'node:process';
import {CLONE_NEWPID} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {setNamespace, unshareThread} from './namespace.ts';

/**
Runs `start`, whose first child process (`child_process.spawn`) is PID 1 of a new PID namespace.

All happens before this function returns, so no child that other code starts gets into the namespace. `start` may make no thread (Linux refuses CLONE_THREAD between the two calls) and exactly one child: when PID 1 ends, Linux kills all others.

@returns what `start` returns
@throws {LinuxError} `EPERM` without CAP_SYS_ADMIN; `ENOSPC` or `EUSERS` for too many namespaces
@see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
*/
export function spawnInNewPidNamespace<Result>(start: () => Result): Result {
	using ownNamespace = Descriptor.open('/proc/self/ns/pid', constants.O_RDONLY);
	unshareThread(CLONE_NEWPID);
	try {
		return start();
	} finally {
		returnOrAbort(ownNamespace);
	}
}

// A process that cannot return would start its later children, say git, in a stranger's namespace, or not at all once that PID 1 has ended.
function returnOrAbort(ownNamespace: Descriptor): void {
	try {
		setNamespace(ownNamespace, CLONE_NEWPID);
	} catch (error) {
		process.stderr.write(`${String(error)}\n`);
		process.abort();
	}
}
