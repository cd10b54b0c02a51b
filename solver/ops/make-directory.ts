import type {MakeDirectoryAction} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectories} from './destination.ts';
import {newDirectoryOf, type Owner} from './owner.ts';

/**
Makes a directory and those above it that are missing, all with the same owner and permissions (without an owner they are root's, or of the group of the directory around them); what is there already stays as it is.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when something on the way is no directory
*/
export function makeDirectory({path, mode}: MakeDirectoryAction, root: Descriptor, owner: Owner | undefined): void {
	makeDirectories(root, path, newDirectoryOf(owner, mode)).close();
}
