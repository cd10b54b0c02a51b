import {Buffer} from 'node:buffer';
import type {FileAttributes} from './file-attributes.ts';
import type {NewTarEntry} from './tar-entry.ts';

const nanosecondsPerSecond = 1_000_000_000n;

/** The entry of a file in a layer. Its time is cut to seconds, as BuildKit does, so that a layer does not depend on the file systems that it went through. */
export function layerEntry(path: Buffer, attributes: FileAttributes): NewTarEntry {
	const {mtimeNanoseconds} = attributes;
	return {...attributes, path, mtimeNanoseconds: mtimeNanoseconds - modulo(mtimeNanoseconds, nanosecondsPerSecond)};
}

/** The entry of one more name of a file that is in the layer already, as `linkTarget`. */
export function layerLinkEntry(path: Buffer, linkTarget: Buffer, attributes: FileAttributes): NewTarEntry {
	return {...layerEntry(path, attributes), type: 'hardlink', linkTarget};
}

/** Whether two files have the same attributes but for their times and link targets. */
export function haveSameAttributes(first: FileAttributes, second: FileAttributes): boolean {
	return (['type', 'mode', 'uid', 'gid', 'size', 'deviceMajor', 'deviceMinor'] as const).every(key => first[key] === second[key])
		&& haveSameXattrs(first, second);
}

function haveSameXattrs({xattrs: first}: FileAttributes, {xattrs: second}: FileAttributes): boolean {
	return first.size === second.size && first.entries().every(([name, value]) => {
		const other = second.get(name);
		return other !== undefined && Buffer.compare(value, other) === 0;
	});
}

function modulo(value: bigint, divisor: bigint): bigint {
	return ((value % divisor) + divisor) % divisor;
}
