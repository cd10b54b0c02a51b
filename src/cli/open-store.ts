import path from 'node:path';
import process from 'node:process';
import {openStore, type Store} from '../../snapshotter/store.ts';
import type {CommandContext, Environment} from './command.ts';

/** The flag of every command that works on the local store. */
export const rootFlag = {
	type: 'string', valueName: 'string', description: 'Directory of the local store (default "/var/lib/tsbuild", or $TSBUILD_ROOT)',
} as const;

/**
Opens the local store that the flag `--root`, or else the environment, names.

@throws {TsbuildError} `ERR_TSBUILD_STORE...`, see `openStore`
*/
export async function openLocalStore({root}: {readonly root: string | undefined}, {environment}: CommandContext): Promise<Store> {
	return openStore(storeDirectory(root, environment), {killSession});
}

/** Loaded only when there is a dead session: that is rare, and the executor is large. */
async function killSession(session: string): Promise<void> {
	const executor = await import('../../solver/executor/kill-session.ts');
	await executor.killSession(session);
}

function storeDirectory(flag: string | undefined, environment: Environment): string {
	const root = flag ?? environment.TSBUILD_ROOT;
	if (root !== undefined && root !== '') {
		return path.resolve(root);
	}

	if (process.getuid!() === 0) {
		return '/var/lib/tsbuild';
	}

	const data = environment.XDG_DATA_HOME ?? path.join(environment.HOME ?? '/', '.local/share');
	return path.join(data, 'tsbuild');
}
