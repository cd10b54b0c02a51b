import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

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
			await rm(directory, {recursive: true, force: true});
		},
	};
}
