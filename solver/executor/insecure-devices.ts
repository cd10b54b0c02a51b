import {readdirSync} from 'node:fs';
import {characterDevice, type DeviceFile} from './device-directory.ts';

// Source: `WithInsecureSpec` of BuildKit (util/entitlements/security/security_linux.go).
const insecureDevices: readonly DeviceFile[] = [
	characterDevice('kmsg', 1, 11),
	characterDevice('cuse', 10, 203),
	characterDevice('fuse', 10, 229),
	characterDevice('kvm', 10, 232),
	characterDevice('net/tun', 10, 200),
	characterDevice('loop-control', 10, 237),
];

const loopMajor = 7;

// As many as BuildKit makes beyond those that are in use.
const spareLoopDevices = 8;

// Those with the minor numbers of one byte.
const maximumLoopDevices = 256;

/**
The devices that an insecure step finds in /dev besides those of every container. Loop devices are those of the host and some more, for the step to take.

@throws {Error} of the file system when /sys is not mounted
*/
export function listInsecureDevices(): readonly DeviceFile[] {
	const present = readdirSync('/sys/block').filter(name => /^loop\d+$/v.test(name)).map(name => Number(name.slice('loop'.length)) + 1);
	const count = Math.min(Math.max(0, ...present) + spareLoopDevices, maximumLoopDevices);
	const loopDevices = Array.from({length: count}, (_, minor): DeviceFile => ({
		name: `loop${minor}`, type: 'b', major: loopMajor, minor,
	}));
	return [...insecureDevices, ...loopDevices];
}
