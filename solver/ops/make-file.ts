import {fchmodSync, writeFileSync} from 'node:fs';
import type {MakeFileAction} from '../../src/definition/operations.ts';
import {
	O_CREAT,
	O_EXCL,
	O_NOFOLLOW,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {changeOwner} from '../../src/linux/files.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {findDestination, removeUnlessDirectory} from './destination.ts';
import {rootOwner, type Owner} from './owner.ts';

/**
Makes a file with the given content, in the place of one that is there.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when a directory is in its place, or something on the way is none
*/
export function makeFile({path, content, mode}: MakeFileAction, root: Descriptor, owner: Owner): void {
	const place = findDestination(root, path, {...rootOwner, mode: 0o755});
	using directory = place.directory;
	removeUnlessDirectory(place);
	using file = openFile(directory, place.name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600});
	writeFileSync(file.number, content);
	changeOwner(file, '', owner);
	fchmodSync(file.number, mode);
}
