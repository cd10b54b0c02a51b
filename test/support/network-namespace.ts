import {spawnSync} from 'node:child_process';
import process from 'node:process';
import {CLONE_NEWNET, O_RDONLY} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {setNamespace} from '../../src/linux/namespace.ts';

/** Runs a program in a network namespace, and returns what it prints. Throws when it fails. */
export function runInNetwork({number}: Descriptor, program: string, ...args: readonly string[]): string {
	const {status, stdout, stderr} = spawnSync('nsenter', [`--net=/proc/${process.pid}/fd/${number}`, program, ...args], {encoding: 'utf8', timeout: 60_000});
	if (status !== 0) {
		throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
	}

	return stdout;
}

/** Does something on this thread, in a network namespace, and comes back. */
export function inNetworkNamespace<Result>(namespace: Descriptor, inside: () => Result): Result {
	using own = Descriptor.open('/proc/thread-self/ns/net', O_RDONLY);
	setNamespace(namespace, CLONE_NEWNET);
	try {
		return inside();
	} finally {
		setNamespace(own, CLONE_NEWNET);
	}
}
