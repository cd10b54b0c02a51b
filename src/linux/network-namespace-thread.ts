import {once} from 'node:events';
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import {Descriptor} from './descriptor.ts';
import {LinuxError} from './linux-error.ts';
import type {NamespaceSockets} from './namespace-sockets.ts';

/**
What the thread of `network-namespace-worker.ts` answers: the numbers of descriptors, or a negated errno and its call.
*/
export type NetworkThreadAnswer =
	| {readonly type: 'opened'; readonly namespace: number; readonly links: number; readonly tcp: number; readonly udp: number}
	| {readonly type: 'failed'; readonly errno: number; readonly syscall: string};

/**
Makes a network namespace as `createNetworkNamespace` does, with sockets in it, on a thread of its own that ends there: in a user namespace of its own, a process may leave the machine's network, and not come back to it.

@param port see `openNamespaceSockets`
@throws {LinuxError}
*/
export async function createNetworkNamespaceInThread(port: number): Promise<{readonly namespace: Descriptor; readonly result: NamespaceSockets}> {
	// The same kind of file as this one: the source, or its compiled form.
	const script = new URL(`network-namespace-worker${extname(import.meta.url)}`, import.meta.url);
	// Node would otherwise take the descriptors that come from system calls for forgotten ones.
	const worker = new Worker(script, {workerData: port, trackUnmanagedFds: false});
	const [[answer]] = await Promise.all([once(worker, 'message') as Promise<[NetworkThreadAnswer]>, once(worker, 'exit')]);
	if (answer.type === 'failed') {
		throw new LinuxError(answer.syscall, answer.errno, {action: 'make network namespace'});
	}

	const {namespace, links, tcp, udp} = answer;
	return {
		namespace: new Descriptor(namespace),
		result: {links: new Descriptor(links), tcp: new Descriptor(tcp), udp: new Descriptor(udp)},
	};
}
