import {fstatSync} from 'node:fs';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {cloneMount} from '../../src/linux/detached-mount.ts';
import {containerDevices, deviceNumber, type DeviceFile} from './device-directory.ts';
import {setupError} from './setup-error.ts';

/** Mounts of the host that a container shows, where it may not make such mounts or files itself; numbers are descriptors of init. */
export type HostMounts = {
	/** The devices of `containerDevices`, in their order. */
	readonly devices: readonly number[];
	readonly sys: number;
	/** Instead of a /proc of its own; `undefined` where it can have that. */
	readonly proc: number | undefined;
};

/** What to clone, and who takes it. */
export type HostMountsOptions = {
	/** Whether the container shows the /proc of tsbuild, with all processes in it. */
	readonly sharesProc: boolean;
	/** Returns the number that init has for a descriptor. */
	readonly inherit: (mount: Descriptor) => number;
	/** Closes the descriptors when the container has ended. */
	readonly opened: DisposableStack;
};

/**
Clones what a container in a user namespace cannot make: device files, which only the root of the first user namespace makes, and /sys, which needs a network namespace that belongs to the user namespace.

The devices are read-only mounts: that lets them be used, and keeps the step from changing their owner or mode.

@throws {LinuxError}
@throws {TsbuildError} `ERR_TSBUILD_CONTAINER_SETUP` when a device of the host is something else
@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
*/
export function openHostMounts({sharesProc, inherit, opened}: HostMountsOptions): HostMounts {
	const clone = (path: string) => inherit(opened.use(cloneMount(path, {readOnly: false, recursive: true})));
	return {
		devices: containerDevices.map(device => inherit(opened.use(cloneDevice(device)))),
		// What is mounted below cannot be left out: it hides something.
		sys: clone('/sys'),
		proc: sharesProc ? clone('/proc') : undefined,
	};
}

// What lies over the masked paths must be the null device itself (CVE-2025-31133).
function cloneDevice(device: DeviceFile): Descriptor {
	const path = `/dev/${device.name}`;
	const mount = cloneMount(path, {readOnly: true, recursive: false});
	const status = fstatSync(mount.number);
	if (!status.isCharacterDevice() || status.rdev !== deviceNumber(device)) {
		mount.close();
		throw setupError(`failed to mount ${path} of the host: it is another file`);
	}

	return mount;
}
