import {cp, symlink} from 'node:fs/promises';
import path from 'node:path';
import {buildBundle} from '../../scripts/build.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** The program as it is published. */
export type PackagedProgram = AsyncDisposable & {
	/** The directory of the package. */
	readonly directory: string;
	/** What `tsbuild` is, for Node.js. */
	readonly file: string;
};

const repository = path.join(import.meta.dirname, '../..');

/** Bundles the sources, and puts beside them what a published package has. */
export async function packageProgram(): Promise<PackagedProgram> {
	const installed = await makeTemporaryDirectory();
	await buildBundle(path.join(installed.path, 'dist'));
	await cp(path.join(repository, 'bin'), path.join(installed.path, 'bin'), {recursive: true});
	await cp(path.join(repository, 'package.json'), path.join(installed.path, 'package.json'));
	await symlink(path.join(repository, 'node_modules'), path.join(installed.path, 'node_modules'));
	return {
		directory: installed.path,
		file: path.join(installed.path, 'bin/tsbuild.cjs'),
		[Symbol.asyncDispose]: async () => installed[Symbol.asyncDispose](),
	};
}
