import type {Descriptor} from '../../src/linux/descriptor.ts';
import {cloneMount} from '../../src/linux/detached-mount.ts';
import {deviceNames} from './device-directory.ts';

/** Mounts of the host that a container shows, where it may not make such mounts or files itself; numbers are descriptors of init. */
export type HostMounts = {
	/** The devices of `deviceNames`, in their order. */
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
@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
*/
export function openHostMounts({sharesProc, inherit, opened}: HostMountsOptions): HostMounts {
	const clone = (path: string, options: {readonly readOnly: boolean; readonly recursive: boolean}) => inherit(opened.use(cloneMount(path, options)));
	return {
		devices: deviceNames.map(name => clone(`/dev/${name}`, {readOnly: true, recursive: false})),
		// What is mounted below cannot be left out: it hides something.
		sys: clone('/sys', {readOnly: false, recursive: true}),
		proc: sharesProc ? clone('/proc', {readOnly: false, recursive: true}) : undefined,
	};
}
