import {Buffer} from 'node:buffer';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';
import {cString, type Name} from './name.ts';

/**
The file whose attributes are meant: a path, whose last part is not followed when it is a symbolic link, or a descriptor (also one opened with O_PATH).
*/
export type AttributeTarget = Name | Descriptor;

/**
The names of a file's extended attributes, sorted; none where the file system has no such thing.

@throws {LinuxError} `ENOENT`
@see https://man7.org/linux/man-pages/man2/listxattr.2.html
*/
export function listExtendedAttributes(target: AttributeTarget): readonly string[] {
	const {path, isLink} = pathOf(target);
	const {listxattr, llistxattr} = libc();
	const list = isLink ? llistxattr : listxattr;
	const bytes = readGrowing((buffer, size) => list(path, buffer, size), ['EOPNOTSUPP'], {
		syscall: 'listxattr',
		action: 'list extended attributes of',
		target,
	});
	return bytes === undefined ? [] : bytes.toString().split('\0').slice(0, -1).toSorted();
}

/**
The value of one attribute; `undefined` when the file has none of this name, or its file system has no such thing.

@throws {LinuxError} `ENOENT`
@see https://man7.org/linux/man-pages/man2/getxattr.2.html
*/
export function getExtendedAttribute(target: AttributeTarget, name: string): Buffer | undefined {
	const {path, isLink} = pathOf(target);
	const {getxattr, lgetxattr} = libc();
	const get = isLink ? lgetxattr : getxattr;
	const nameString = cString(name);
	return readGrowing((buffer, size) => get(path, nameString, buffer, size), ['ENODATA', 'EOPNOTSUPP'], {
		syscall: 'getxattr',
		action: `get extended attribute ${name} of`,
		target,
	});
}

/**
Sets or replaces an attribute.

@throws {LinuxError} `EOPNOTSUPP` where the file system cannot hold it; `EPERM` without the right to it; `ENOSPC` or `E2BIG` when it is too long
@see https://man7.org/linux/man-pages/man2/setxattr.2.html
*/
export function setExtendedAttribute(target: AttributeTarget, name: string, value: Uint8Array): void {
	const {path, isLink} = pathOf(target);
	const {setxattr, lsetxattr} = libc();
	const result = (isLink ? lsetxattr : setxattr)(path, cString(name), value, value.length, 0);
	check(result, 'setxattr', {action: `set extended attribute ${name} of`, path: displayPath(target)});
}

/**
Removes an attribute; nothing happens when there is none of this name.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/removexattr.2.html
*/
export function removeExtendedAttribute(target: AttributeTarget, name: string): void {
	const {path, isLink} = pathOf(target);
	const {removexattr, lremovexattr} = libc();
	const result = (isLink ? lremovexattr : removexattr)(path, cString(name));
	if (!hasFailedWith(result, 'ENODATA', 'EOPNOTSUPP')) {
		check(result, 'removexattr', {action: `remove extended attribute ${name} of`, path: displayPath(target)});
	}
}

// A descriptor's path is a link that must be followed; it leads to the file itself, and no further when that is a link.
function pathOf(target: AttributeTarget): {readonly path: Uint8Array; readonly isLink: boolean} {
	return target instanceof Descriptor ? {path: cString(target.path), isLink: false} : {path: cString(target), isLink: true};
}

function displayPath(target: AttributeTarget): Name {
	return target instanceof Descriptor ? target.path : target;
}

/**
Asks for the size, then for the bytes, and again when they have grown in between.

@returns `undefined` when the call failed with one of the codes `absent`
*/
function readGrowing(
	call: (buffer: Uint8Array | undefined, size: number) => number,
	absent: ReadonlyArray<'ENODATA' | 'EOPNOTSUPP'>,
	{syscall, action, target}: {readonly syscall: string; readonly action: string; readonly target: AttributeTarget},
): Buffer | undefined {
	for (;;) {
		const size = call(undefined, 0);
		const buffer = Buffer.alloc(Math.max(0, size));
		const result = size > 0 ? call(buffer, size) : size;
		if (hasFailedWith(result, ...absent)) {
			return undefined;
		}

		if (!hasFailedWith(result, 'ERANGE')) {
			return buffer.subarray(0, check(result, syscall, {action, path: displayPath(target)}));
		}
	}
}
