import {spawnSync} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {asNamespaceRoot} from './namespace-root.ts';

/** A directory that is gone after the test: `await using directory = await makeTemporaryDirectory()`. */
export type TemporaryDirectory = AsyncDisposable & {
	readonly path: string;
};

/** Makes an empty directory, mode 0700, under the system's directory for temporary files. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
	const directory = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-test-'));
	return {
		path: directory,
		async [Symbol.asyncDispose]() {
			await removeDirectory(directory);
		},
	};
}

// The store of an ordinary user holds files of the user's subordinate IDs, which only a user namespace with all of them can remove.
async function removeDirectory(directory: string): Promise<void> {
	if (process.getuid!() !== 0) {
		spawnSync(...asNamespaceRoot('rm', ['-rf', directory]));
	}

	await rm(directory, {recursive: true, force: true});
}
