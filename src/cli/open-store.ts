import type {Store} from '../../snapshotter/store.ts';
import {localStoreDirectory, openLocalStore} from '../local-store.ts';
import type {CommandContext} from './command.ts';

/** The flag of every command that works on the local store. */
export const rootFlag = {
	type: 'string', valueName: 'string', description: 'Directory of the local store (default "/var/lib/tsbuild", or $TSBUILD_ROOT)',
} as const;

/**
Opens the local store that the flag `--root`, or else the environment, names.

@throws {TsbuildError} `ERR_TSBUILD_STORE...`, see `openStore`
*/
export async function openNamedStore({root}: {readonly root: string | undefined}, {environment}: CommandContext): Promise<Store> {
	return openLocalStore(localStoreDirectory(root, environment));
}
