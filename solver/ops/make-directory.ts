import type {MakeDirectoryAction} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectories} from './destination.ts';
import type {Owner} from './owner.ts';

/**
Makes a directory and those above it that are missing, all with the same owner and permissions; what is there already stays as it is.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when something on the way is no directory
*/
export function makeDirectory({path, mode}: MakeDirectoryAction, root: Descriptor, owner: Owner): void {
	makeDirectories(root, path, {...owner, mode}).close();
}
