import {constants} from 'node:fs';
import process from 'node:process';
import {CLONE_NEWNET} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {setNamespace, unshareThread} from './namespace.ts';

// Not that of the process: another thread may be elsewhere for a moment.
const ownNamespacePath = '/proc/thread-self/ns/net';

/**
Makes a network namespace with nothing but `lo`, which is down. It ends with its last process, socket and descriptor.

All happens on the calling thread before this function returns, so nothing that other code does gets into the namespace.

@param inside what is done there, such as opening sockets, which stay there; it may start neither a thread nor a child
@throws {LinuxError} `EPERM` without CAP_SYS_ADMIN, here and over the namespace that it is called in; `ENOSPC` for too many namespaces; what `inside` throws
@see https://man7.org/linux/man-pages/man7/network_namespaces.7.html
*/
export function createNetworkNamespace<Result>(inside: () => Result): {readonly namespace: Descriptor; readonly result: Result} {
	using own = Descriptor.open(ownNamespacePath, constants.O_RDONLY);
	// Who may not come back, as in a user namespace that does not own the network, finds out before he goes.
	setNamespace(own, CLONE_NEWNET);
	unshareThread(CLONE_NEWNET);
	try {
		using opened = new DisposableStack();
		const namespace = opened.use(Descriptor.open(ownNamespacePath, constants.O_RDONLY));
		const result = inside();
		opened.move();
		return {namespace, result};
	} finally {
		returnOrAbort(own);
	}
}

// A process that cannot return would make its later connections, say to a registry, where a step can see them.
function returnOrAbort(own: Descriptor): void {
	try {
		setNamespace(own, CLONE_NEWNET);
	} catch (error) {
		process.stderr.write(`${String(error)}\n`);
		process.abort();
	}
}
