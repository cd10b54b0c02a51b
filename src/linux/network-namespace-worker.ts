import {constants, openSync} from 'node:fs';
import {parentPort, workerData} from 'node:worker_threads';
import {CLONE_NEWNET} from './constants.ts';
import {LinuxError} from './linux-error.ts';
import {openNamespaceSockets} from './namespace-sockets.ts';
import {unshareThread} from './namespace.ts';
import type {NetworkThreadAnswer} from './network-namespace-thread.ts';

// The script of a thread, see `createNetworkNamespaceInThread`. The descriptors that it hands over belong to the whole process.
parentPort!.postMessage(answer(workerData as number));

function answer(port: number): NetworkThreadAnswer {
	try {
		unshareThread(CLONE_NEWNET);
		const {links, tcp, udp} = openNamespaceSockets(port);
		return {
			type: 'opened',
			namespace: openSync('/proc/thread-self/ns/net', constants.O_RDONLY),
			links: links.release(),
			tcp: tcp.release(),
			udp: udp.release(),
		};
	} catch (error) {
		if (error instanceof LinuxError) {
			return {type: 'failed', errno: error.errno, syscall: error.syscall};
		}

		throw error;
	}
}
