import {lstatSync} from 'node:fs';
import path from 'node:path';
import {receivedSize} from '../kernel/transfer-size.ts';

/** The bytes that BuildKit counts when it takes those of the named files that are in a directory. */
export function sizeOfTransfer(directory: string, names: readonly string[]): number {
	const files = [...new Set(names)].toSorted().flatMap(name => {
		const status = lstatSync(path.join(directory, name), {throwIfNoEntry: false, bigint: true});
		return status === undefined ? [] : [{name, status}];
	});
	return receivedSize(files.map(({name, status}) => ({
		pathLength: new TextEncoder().encode(name).length,
		linkLength: status.isSymbolicLink() ? Number(status.size) : 0,
		mode: Number(status.mode),
		uid: 0,
		gid: 0,
		size: Number(status.size),
		modifiedAt: status.mtimeNs,
	})));
}
