import {fstatSync} from 'node:fs';
import {posix} from 'node:path';
import {
	MOUNT_ATTR_NODEV,
	MOUNT_ATTR_NOEXEC,
	MOUNT_ATTR_NOSUID,
	MOUNT_ATTR_RDONLY,
	O_PATH,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {FilesystemContext} from '../../src/linux/filesystem-context.ts';
import {openBeneath} from '../../src/linux/resolve.ts';
import type {ContainerMount} from './container-spec.ts';
import {attachmentEntries} from './device-place.ts';
import type {FileMount} from './file-mounts.ts';
import type {InheritedDescriptors} from './inherited-descriptors.ts';
import {mountAttributesEntry, readOnlyEntry, type AttachmentPoint} from './mount-entries.ts';
import {MountTargets} from './mount-targets.ts';
import {setupError} from './setup-error.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** A mount of the step's own that is ready for init. */
export type StepMount = {
	readonly path: string;
	/** Init's descriptor of the detached mount. */
	readonly mount: number;
	/** Init's descriptor of the place, or a path in /dev, which only init sees. */
	readonly point: AttachmentPoint;
	readonly isDirectory: boolean;
	readonly readOnly: boolean;
};

/** All that a step mounts. */
export type StepMounts = {readonly mounts: readonly StepMount[]; readonly files: readonly FileMount[]};

// What is mounted already, as far as the parent can see into it.
type Place = {readonly path: string; readonly targets: MountTargets; readonly mount: Descriptor; readonly readOnly: boolean};

type Preparation = {
	readonly root: Descriptor;
	readonly rootTargets: MountTargets;
	readonly inherited: InheritedDescriptors;
	/** Takes what has to live until init has ended. */
	readonly opened: DisposableStack;
};

const tmpfsAttributes: Readonly<Record<string, number>> = {
	ro: MOUNT_ATTR_RDONLY,
	nosuid: MOUNT_ATTR_NOSUID,
	nodev: MOUNT_ATTR_NODEV,
	noexec: MOUNT_ATTR_NOEXEC,
};

/**
Opens the places of the step's own mounts, in their order; a later one may lie in an earlier one. Missing places are made: in the root as stubs that are removed afterwards, in another mount for good.

@returns the mounts, and the files that init writes and then mounts
@throws {TsbuildError} `ERR_TSBUILD_CONTAINER_SETUP` for a target in /proc or /sys, or one that is missing in a read-only mount
*/
export function prepareStepMounts(specifications: readonly ContainerMount[], {root, rootTargets, inherited, opened}: Preparation): StepMounts {
	const places: Place[] = [{
		path: '/', targets: rootTargets, mount: root, readOnly: false,
	}];
	const pointOf = (path: string, isDirectory: boolean): AttachmentPoint => isWithin(path, '/dev') ? path : inherited.add(openPlace(places, {path, isDirectory}));
	const mounts: StepMount[] = [];
	const files: FileMount[] = [];
	for (const specification of specifications) {
		const path = posix.resolve('/', specification.target);
		refuseTarget(path);
		if (specification.type === 'file') {
			const {content, mode, uid, gid} = specification;
			files.push({
				path, content, mode, owner: {uid, gid}, target: pointOf(path, false),
			});
			continue;
		}

		const mount = specification.type === 'tmpfs' ? opened.use(createTmpfs(specification.options)) : specification.mount;
		const isReadOnly = specification.type === 'detached' && specification.readOnly;
		const isDirectory = fstatSync(mount.number).isDirectory();
		const point = pointOf(path, isDirectory);
		places.unshift({
			path, targets: opened.use(new MountTargets(mount)), mount, readOnly: isReadOnly,
		});
		mounts.push({
			path, mount: inherited.add(mount), point, isDirectory, readOnly: isReadOnly,
		});
	}

	return {mounts, files};
}

/** How mounts are attached. */
export type StepMountOptions = {
	/** `root` for those with a descriptor, which are attached while the host's tree is still there; `devices` for those in /dev, when it is complete. */
	readonly where: 'root' | 'devices';
	/** Whether device files in them work. */
	readonly hasDevices: boolean;
	/** The lowest descriptor number that is free in init. */
	readonly scratch: number;
};

/** The calls that attach those of the step's mounts. */
export function stepMountEntries(mounts: readonly StepMount[], {where, hasDevices, scratch}: StepMountOptions): readonly SyscallEntry[] {
	return mounts.filter(({point}) => (typeof point === 'number') === (where === 'root')).flatMap(mount => [
		...(mount.readOnly ? [readOnlyEntry(mount.mount, `make ${mount.path} read-only`)] : []),
		...(hasDevices ? [] : [mountAttributesEntry(mount.mount, MOUNT_ATTR_NODEV, `take the devices from ${mount.path}`)]),
		...attachmentEntries({...mount, scratch, describe: `mount on ${mount.path}`}),
	]);
}

/** Whether a path is another one or lies below it; both are absolute and normal. */
export function isWithin(path: string, directory: string): boolean {
	return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

function refuseTarget(path: string): void {
	const isSystem = ['/proc', '/sys'].some(directory => isWithin(path, directory));
	if (isSystem || path === '/' || path === '/dev') {
		throw setupError(`failed to mount on ${path}: the target belongs to the system`);
	}
}

function openPlace(places: readonly Place[], {path, isDirectory}: {readonly path: string; readonly isDirectory: boolean}): Descriptor {
	// The last one that was mounted over the path; the root is the last of all.
	const place = places.find(({path: placePath}) => isWithin(path, placePath))!;
	const inside = posix.join('/', posix.relative(place.path, path));
	if (place.readOnly) {
		return openExisting(place, inside);
	}

	return isDirectory ? place.targets.openDirectory(inside) : place.targets.openFile(inside);
}

function openExisting(place: Place, inside: string): Descriptor {
	try {
		return openBeneath(place.mount, inside.slice(1), {flags: O_PATH});
	} catch (error) {
		throw setupError(`failed to mount on ${posix.join(place.path, inside)}: it cannot be made in a read-only mount`, {cause: error});
	}
}

// https://man7.org/linux/man-pages/man5/tmpfs.5.html
function createTmpfs(options: string): Descriptor {
	using context = new FilesystemContext('tmpfs');
	context.set('source', 'tmpfs');
	let attributes = 0;
	const given = options === '' ? [] : options.split(',');
	for (const option of given) {
		const attribute = tmpfsAttributes[option];
		if (attribute === undefined) {
			const separator = option.indexOf('=');
			context.set(option.slice(0, separator), option.slice(separator + 1));
		} else {
			attributes |= attribute;
		}
	}

	return context.mount(attributes);
}
