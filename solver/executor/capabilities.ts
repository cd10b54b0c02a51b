import {Buffer} from 'node:buffer';

/*
The order is that of the kernel's numbers, from 0 on. https://man7.org/linux/man-pages/man7/capabilities.7.html and include/uapi/linux/capability.h
*/
const names = [
	'CAP_CHOWN',
	'CAP_DAC_OVERRIDE',
	'CAP_DAC_READ_SEARCH',
	'CAP_FOWNER',
	'CAP_FSETID',
	'CAP_KILL',
	'CAP_SETGID',
	'CAP_SETUID',
	'CAP_SETPCAP',
	'CAP_LINUX_IMMUTABLE',
	'CAP_NET_BIND_SERVICE',
	'CAP_NET_BROADCAST',
	'CAP_NET_ADMIN',
	'CAP_NET_RAW',
	'CAP_IPC_LOCK',
	'CAP_IPC_OWNER',
	'CAP_SYS_MODULE',
	'CAP_SYS_RAWIO',
	'CAP_SYS_CHROOT',
	'CAP_SYS_PTRACE',
	'CAP_SYS_PACCT',
	'CAP_SYS_ADMIN',
	'CAP_SYS_BOOT',
	'CAP_SYS_NICE',
	'CAP_SYS_RESOURCE',
	'CAP_SYS_TIME',
	'CAP_SYS_TTY_CONFIG',
	'CAP_MKNOD',
	'CAP_LEASE',
	'CAP_AUDIT_WRITE',
	'CAP_AUDIT_CONTROL',
	'CAP_SETFCAP',
	'CAP_MAC_OVERRIDE',
	'CAP_MAC_ADMIN',
	'CAP_SYSLOG',
	'CAP_WAKE_ALARM',
	'CAP_BLOCK_SUSPEND',
	'CAP_AUDIT_READ',
	'CAP_PERFMON',
	'CAP_BPF',
	'CAP_CHECKPOINT_RESTORE',
] as const;

/** The name of a capability, for example `CAP_CHOWN`. */
export type CapabilityName = (typeof names)[number];

/** All capabilities that Linux 5.9 and later has, each at the index that is its number. */
export const capabilityNames: readonly CapabilityName[] = names;

/**
What a RUN step has: the bounding, permitted and effective sets of Docker's default. The inheritable and ambient sets stay empty.

Source: `DefaultCapabilities` of moby's `daemon/pkg/oci/caps`, which BuildKit shares.
*/
export const defaultCapabilities: readonly CapabilityName[] = [
	'CAP_CHOWN',
	'CAP_DAC_OVERRIDE',
	'CAP_FSETID',
	'CAP_FOWNER',
	'CAP_MKNOD',
	'CAP_NET_RAW',
	'CAP_SETGID',
	'CAP_SETUID',
	'CAP_SETFCAP',
	'CAP_SETPCAP',
	'CAP_NET_BIND_SERVICE',
	'CAP_SYS_CHROOT',
	'CAP_KILL',
	'CAP_AUDIT_WRITE',
];

/** The kernel's number of a capability: its bit in a mask, and the argument of `prctl(PR_CAPBSET_DROP)`. */
export function capabilityNumber(name: CapabilityName): number {
	return names.indexOf(name);
}

/** The set of capabilities as a mask of 64 bits, in which bit n stands for capability n. */
export function capabilityMask(capabilities: readonly CapabilityName[]): bigint {
	let mask = 0n;
	for (const name of capabilities) {
		mask |= 1n << BigInt(capabilityNumber(name));
	}

	return mask;
}

/** The capabilities in a mask of 64 bits, in the order of their numbers; bits that have no name here are left out. */
export function capabilitiesOfMask(mask: bigint): CapabilityName[] {
	return names.filter((_, number) => (mask >> BigInt(number)) % 2n === 1n);
}

/** `_LINUX_CAPABILITY_VERSION_3`: two words for each set. https://man7.org/linux/man-pages/man2/capset.2.html */
const capabilityVersion = 0x20_08_05_22;

/** The three sets that `capset(2)` gives a thread. The bounding set and the ambient set have calls of their own. */
export type CapabilitySets = {
	readonly effective: readonly CapabilityName[];
	readonly permitted: readonly CapabilityName[];
	readonly inheritable: readonly CapabilityName[];
};

/** The `struct __user_cap_header_struct` of `capset(2)`, for the calling thread: 8 bytes. */
export function encodeCapabilityHeader(): Buffer {
	const header = Buffer.alloc(8);
	header.writeUInt32LE(capabilityVersion, 0);
	return header;
}

/**
The two `struct __user_cap_data_struct` of `capset(2)`: 24 bytes, the lower words of the effective, permitted and inheritable sets and then the upper ones.
*/
export function encodeCapabilityData(sets: CapabilitySets): Buffer {
	const masks = [sets.effective, sets.permitted, sets.inheritable].map(set => capabilityMask(set));
	const words = [
		...masks.map(mask => BigInt.asUintN(32, mask)),
		...masks.map(mask => mask >> 32n),
	];
	const data = Buffer.alloc(words.length * 4);
	for (const [index, word] of words.entries()) {
		data.writeUInt32LE(Number(word), index * 4);
	}

	return data;
}
