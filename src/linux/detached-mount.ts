import {
	AT_EMPTY_PATH,
	AT_FDCWD,
	AT_RECURSIVE,
	MOUNT_ATTR_NODEV,
	MOUNT_ATTR_NOEXEC,
	MOUNT_ATTR_NOSUID,
	MOUNT_ATTR_RDONLY,
	MS_PRIVATE,
	OPEN_TREE_CLOEXEC,
	OPEN_TREE_CLONE,
} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';
import {cString, type Name} from './name.ts';
import {structureOf} from './structure.ts';

/**
A copy of the mount of a host's file or directory, attached nowhere: as a bind mount, but in no mountinfo, and gone with its last descriptor. What is mounted in or on it later, here or on the original, is not seen on the other side.

The source is a path, whose last symbolic link is followed, or a descriptor that is open on the file or directory. `recursive` also copies what is mounted below.

@throws {LinuxError} `ENOENT`; `EPERM` without CAP_SYS_ADMIN; `EINVAL` for a descriptor inside a detached mount on Linux before 6.15
@see https://man7.org/linux/man-pages/man2/open_tree.2.html
*/
export function cloneMount(source: Name | Descriptor, {readOnly, recursive}: {readonly readOnly: boolean; readonly recursive: boolean}): Descriptor {
	const recursion = recursive ? AT_RECURSIVE : 0;
	const mount = openTree(source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursion);
	try {
		setMountAttributes(mount, readOnly ? MOUNT_ATTR_RDONLY : 0, recursion);
		return mount;
	} catch (error) {
		mount.close();
		throw error;
	}
}

function openTree(source: Name | Descriptor, flags: number): Descriptor {
	const isDescriptor = source instanceof Descriptor;
	const result = isDescriptor
		? libc().open_tree(source.number, cString(''), flags | AT_EMPTY_PATH)
		: libc().open_tree(AT_FDCWD, cString(source), flags);
	return new Descriptor(check(result, 'open_tree', {action: 'clone mount of', path: isDescriptor ? source.path : source}));
}

/**
Lets programs, set-user-ID bits and device files work in a detached mount, also when the mount that it was cloned from forbids them (`noexec`, `nosuid`, `nodev`). Where a user namespace may not lift that, it stays.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/mount_setattr.2.html
*/
export function liftRestrictions(mount: Descriptor): void {
	const structure = structureOf(0n, BigInt(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), 0n, 0n);
	const result = libc().mount_setattr(mount.number, cString(''), AT_EMPTY_PATH, structure, structure.length);
	if (!hasFailedWith(result, 'EPERM')) {
		check(result, 'mount_setattr', {action: 'lift restrictions of mount'});
	}
}

// `struct mount_attr`: set, clear, propagation, user namespace. A copy of a shared mount would otherwise pass on to the host what a step mounts there.
function setMountAttributes(mount: Descriptor, attributes: number, recursion: number): void {
	const structure = structureOf(BigInt(attributes), 0n, BigInt(MS_PRIVATE), 0n);
	const result = libc().mount_setattr(mount.number, cString(''), AT_EMPTY_PATH | recursion, structure, structure.length);
	check(result, 'mount_setattr', {action: 'set attributes of mount'});
}
