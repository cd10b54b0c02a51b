import {Buffer} from 'node:buffer';
import {CLONE_NEWNET} from '../../src/linux/constants.ts';
import type {ContainerSpec} from './container-spec.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** The network that a step really gets. */
export type ContainerNetwork =
	/** That of the host, whole: also its abstract Unix sockets (CVE-2020-15257). */
	| {readonly type: 'host'}
	/** A network namespace of its own with nothing but `lo`. */
	| {readonly type: 'none'}
	/** A network namespace that somebody else has set up; `number` is init's descriptor of it. */
	| {readonly type: 'namespace'; readonly number: number};

// https://man7.org/linux/man-pages/man2/socket.2.html
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o200_0000;

// https://man7.org/linux/man-pages/man7/netdevice.7.html
const SIOCSIFFLAGS = 0x89_14;
const IFF_UP = 1;
const interfaceNameSize = 16;
const interfaceRequestSize = 40;

/**
What `--network` means on this machine: `default` is the host's network, as in BuildKit with neither CNI nor a bridge.
*/
export function resolveNetwork(network: ContainerSpec['network']): ContainerNetwork {
	switch (network) {
		case 'none': {
			return {type: 'none'};
		}

		case 'default':
		case 'host': {
			return {type: 'host'};
		}
	}
}

/** The `CLONE_NEW...` flags that a network adds to those of init. */
export function namespaceFlagsOf(network: ContainerNetwork): number {
	return network.type === 'none' ? CLONE_NEWNET : 0;
}

/**
The calls that give init its network, after it has left the host's namespaces.

@param network as resolved
@param scratch the lowest descriptor number that is free in init: that is what the next one opened gets
*/
export function networkEntries(network: ContainerNetwork, scratch: number): readonly SyscallEntry[] {
	switch (network.type) {
		case 'host': {
			return [];
		}

		case 'none': {
			const describe = 'bring up network interface lo';
			return [
				{call: 'socket', args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0], describe},
				{call: 'ioctl', args: [scratch, SIOCSIFFLAGS, loopbackUp()], describe},
				{call: 'close', args: [scratch], describe},
			];
		}

		case 'namespace': {
			return [{call: 'setns', args: [network.number, CLONE_NEWNET], describe: 'join network namespace'}];
		}
	}
}

// `struct ifreq`
function loopbackUp(): Uint8Array {
	const request = Buffer.alloc(interfaceRequestSize);
	request.write('lo', 'latin1');
	request.writeUInt16LE(IFF_UP, interfaceNameSize);
	return request;
}
