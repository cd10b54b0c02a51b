import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {CgroupHierarchy} from './cgroup-hierarchy.ts';
import type {ResourceLimits} from './cgroup-limits.ts';
import type {CgroupUsage} from './container-spec.ts';
import type {DeviceRule} from './devices.ts';

/**
The group of one container. Disposing of it ends what is left in it and removes it.
*/
export type Cgroup = AsyncDisposable & {
	/** Open for writing, to be inherited by the container's first process, which joins by writing `0` to each. It must have one thread. */
	readonly processDescriptors: readonly Descriptor[];
	/** Whether the device rules are in force. Where they are not, a step with CAP_MKNOD could use the disks of the host. */
	readonly restrictsDevices: boolean;
	/** Why there is no group at all, or `undefined` when there is one. */
	readonly unavailable: string | undefined;
	/** What all processes of the group have used so far, as far as the kernel tells. */
	usage: () => Promise<CgroupUsage>;
	/** Whether the kernel has killed a process of the group because of its memory limit. */
	outOfMemory: () => Promise<boolean>;
	/** Whether the kernel has refused to make a process or thread because of the limit. */
	outOfProcesses: () => Promise<boolean>;
	/**
	Ends all processes of the group by SIGKILL and waits until they are gone.

	@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when some do not end within 5 s
	*/
	kill: () => Promise<void>;
};

/** What a group is made of. */
export type CgroupOptions = {
	/** Letters, digits and hyphens: the container's id, which starts with the session's. */
	readonly name: string;
	readonly hierarchy: CgroupHierarchy;
	readonly limits: ResourceLimits;
	/** What the container may use, or `all` without restriction. */
	readonly devices: readonly DeviceRule[] | 'all';
};
