import {Buffer} from 'node:buffer';
import {
	AF_INET,
	CLONE_NEWNET,
	SOCK_CLOEXEC,
	SOCK_DGRAM,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {InheritedDescriptors} from './inherited-descriptors.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** A network that somebody else has made, for all steps that join it. */
export type NetworkNamespace = {
	readonly namespace: Descriptor;
	/** The address by which steps reach the machine that builds. */
	readonly hostAddress: string;
	/** What resolves names there, when it is not the servers of the host. */
	readonly nameservers: readonly string[] | undefined;
};

/** What a step asks for: nothing but `lo`, that of the host, or one that is there already. */
export type StepNetwork = 'none' | 'host' | NetworkNamespace;

/** The network that a step really gets. */
export type ContainerNetwork =
	/** That of the host, whole: also its abstract Unix sockets (CVE-2020-15257). */
	| {readonly type: 'host'}
	/** A network namespace of its own with nothing but `lo`. */
	| {readonly type: 'none'}
	/** A network namespace that is there already; `number` is init's descriptor of it. */
	| ({readonly type: 'namespace'; readonly number: number} & Pick<NetworkNamespace, 'hostAddress' | 'nameservers'>);

// https://man7.org/linux/man-pages/man7/netdevice.7.html
const SIOCSIFFLAGS = 0x89_14;
const IFF_UP = 1;
const interfaceNameSize = 16;
const interfaceRequestSize = 40;

/** The network of a step, whose init inherits what it joins. */
export function inheritNetwork(network: StepNetwork, inherited: InheritedDescriptors): ContainerNetwork {
	if (typeof network === 'string') {
		return {type: network};
	}

	const {namespace, hostAddress, nameservers} = network;
	return {
		type: 'namespace', number: inherited.add(namespace), hostAddress, nameservers,
	};
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
