import {Buffer} from 'node:buffer';
import {constants, readFileSync} from 'node:fs';
import type {SyscallArgument} from '../../solver/executor/syscall-table.ts';
import {probeMemory, type ProbeCall} from './syscall-probe.ts';

type Probe = readonly [name: string, calls: readonly ProbeCall[]];

// https://man7.org/linux/man-pages/man2/openat.2.html (AT_FDCWD)
const workingDirectory = -100;

const firstDescriptor = 3;

// https://man7.org/linux/man-pages/man7/namespaces.7.html
const namespaces: Readonly<Record<string, number>> = {
	time: 0x80,
	mnt: 0x02_00_00,
	cgroup: 0x02_00_00_00,
	uts: 0x04_00_00_00,
	ipc: 0x08_00_00_00,
	user: 0x10_00_00_00,
	pid: 0x20_00_00_00,
	net: 0x40_00_00_00,
};

const SIGCHLD = 17;

const netlink = 16;

const firstNumbers = (count: number) => Array.from({length: count}, (_, number) => number);

/** What is tried, each by a process of its own, by its name. */
export const forbiddenCalls: ReadonlyMap<string, readonly ProbeCall[]> = new Map([
	...readFileSync(new URL('forbidden-calls.txt', import.meta.url), 'utf8').split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => parseLine(line)),
	...Object.entries(namespaces).flatMap(([name, flag]) => namespaceProbes(name, flag)),
	// All families that Linux has: streams, datagrams, raw and in packets.
	...firstNumbers(48).map((family): Probe => [`socket ${family}`, [1, 2, 3, 5].map(type => ['socket', family, type, 0])]),
	...firstNumbers(23).map(protocol => netlinkProbe(protocol)),
]);

function parseLine(line: string): Probe {
	const [name = '', ...words] = line.split(' ');
	const rest = words.join(' ');
	switch (name) {
		case 'read': {
			return [line, [openCall(rest, constants.O_RDONLY)]];
		}

		case 'write': {
			return [line, [openCall(rest, constants.O_WRONLY)]];
		}

		case 'filesystem': {
			return [line, [['mount', 'x', '/tmp', rest, 0, 0], ['fsopen', rest, 0]]];
		}

		case 'device': {
			return [line, deviceCalls(words)];
		}

		default: {
			return [name, rest.split('; ').map(call => parseCall(call))];
		}
	}
}

function parseCall(text: string): ProbeCall {
	const [call = '', ...args] = text.split(' ');
	return [/^\d/v.test(call) ? Number(call) : call, ...args.map(argument => parseArgument(argument))];
}

function parseArgument(text: string): SyscallArgument {
	if (text.startsWith('"')) {
		return text.slice(1, -1);
	}

	if (text.startsWith('[')) {
		return text.slice(1, -1).split(',').map(word => parseArgument(word));
	}

	if (text.startsWith('hex:')) {
		return Buffer.from(text.slice('hex:'.length), 'hex');
	}

	if (text.startsWith('memory')) {
		return probeMemory + Number(text.slice('memory'.length));
	}

	const number = Number(text);
	if (!Number.isSafeInteger(number)) {
		throw new TypeError(`${text} is no argument of a call`);
	}

	return number;
}

function openCall(path: string, flags: number): ProbeCall {
	return ['openat', workingDirectory, path, flags];
}

function deviceCalls([type, major, minor]: readonly string[]): readonly ProbeCall[] {
	const file = `/tmp/${type}-${major}-${minor}`;
	const mode = (type === 'b' ? constants.S_IFBLK : constants.S_IFCHR) | 0o666;
	return [
		// https://man7.org/linux/man-pages/man3/makedev.3.html
		['mknodat', workingDirectory, file, mode, (Number(major) << 8) | Number(minor)],
		openCall(file, constants.O_RDONLY),
		openCall(file, constants.O_WRONLY),
		['unlinkat', workingDirectory, file, 0],
	];
}

function namespaceProbes(name: string, flag: number): readonly Probe[] {
	return [
		[`unshare ${name}`, [['unshare', flag]]],
		[`clone ${name}`, [['clone', flag | SIGCHLD]]],
		// `struct clone_args`: flags, three pointers, exit signal, stack, its size, thread storage. https://man7.org/linux/man-pages/man2/clone.2.html
		[`clone3 ${name}`, [['clone3', [flag, 0, 0, 0, SIGCHLD, 0, 0, 0], 64]]],
		[`setns ${name}`, [openCall(`/proc/1/ns/${name}`, constants.O_RDONLY), ['setns', firstDescriptor, 0], ['setns', firstDescriptor, flag]]],
	];
}

// Bound to all groups of the protocol, the kernel's events and audit messages among them. https://man7.org/linux/man-pages/man7/netlink.7.html
function netlinkProbe(protocol: number): Probe {
	const address = Buffer.alloc(12);
	address.writeUInt16LE(netlink, 0);
	address.writeUInt32LE(0xFF_FF_FF_FF, 8);
	return [`netlink ${protocol}`, [['socket', netlink, 3, protocol], ['bind', firstDescriptor, address, address.length]]];
}
