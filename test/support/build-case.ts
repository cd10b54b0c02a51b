import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {cp, mkdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {asNamespaceRoot} from './namespace-root.ts';
import {runCommand} from './run-program.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {tsbuild, type TsbuildResult} from './tsbuild.ts';

/** What came out of one Dockerfile case. */
export type BuildCaseResult = AsyncDisposable & TsbuildResult & {
	/** The store's directory. */
	readonly root: string;
	/** Holds what the build wrote. */
	readonly directory: string;
	/** The OCI archive, if the build succeeded. */
	readonly archive: string;
};

/** What the cases of a test file have in common. */
export type CaseSurroundings = {
	/** The layout of the busybox base image. */
	readonly base: string;
	/** Where compiled sources are kept from one build to the next. */
	readonly compileCache: string;
};

/**
Builds a case of `fixtures/build`: its `Dockerfile` with the files of its `context` folder, on the busybox base under the name `base`, with a store of its own, and the arguments in its file `command`, one a line.

What git does not hold of files (times, owners, special files, empty directories) is done to the context by the case's `setup.sh`. Before that, all files are readable and directories 0755.
*/
export async function buildCase(folder: string, {base, compileCache}: CaseSurroundings): Promise<BuildCaseResult> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const context = path.join(directory, 'context');
	const root = path.join(directory, 'store');
	const archive = path.join(directory, 'image.tar');
	await prepareContext(folder, context);
	const result = await tsbuild([
		...await readLines(path.join(folder, 'command')),
		'--build-context',
		`base=oci-layout://${base}`,
		'-o',
		`type=oci,compression=uncompressed,dest=${archive}`,
		'-o',
		`type=tar,dest=${path.join(directory, 'root.tar')}`,
		context,
	], {root, env: {NODE_COMPILE_CACHE: compileCache}});
	const kept = cleanup.move();
	return {
		...result,
		root,
		directory,
		archive,
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

async function prepareContext(folder: string, context: string): Promise<void> {
	await mkdir(context);
	await cp(path.join(folder, 'context'), context, {recursive: true, verbatimSymlinks: true, force: true}).catch(() => undefined);
	await cp(path.join(folder, 'Dockerfile'), path.join(context, 'Dockerfile'));
	// Else the modes would be those of whoever has cloned the repository.
	await runCommand('chmod', ['-R', 'u=rwX,go=rX', context]);
	const setup = path.join(folder, 'setup.sh');
	if (existsSync(setup)) {
		await runCommand(...asNamespaceRoot('env', ['-C', context, 'LC_ALL=C.UTF-8', 'TZ=UTC', 'sh', '-eu', setup]));
	}
}

/** The lines of an expectation; empty when the case has no such file. */
export async function readLines(file: string): Promise<readonly string[]> {
	if (!existsSync(file)) {
		return [];
	}

	const text = await readFile(file, 'utf8');
	return text.split('\n').filter(line => line !== '');
}

/** The config of the only image in an OCI archive, as skopeo reads it. */
export function readConfig(archive: string): ImageConfig {
	return JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', `oci-archive:${archive}`], {encoding: 'utf8'})) as ImageConfig;
}

/** Output without what differs from run to run: times and digests. */
export function maskOutput(text: string): string {
	return text
		.replaceAll(/sha256:[\da-f]{64}/gv, 'sha256:DIGEST')
		.replaceAll(/^#(?<step>\d+) \d+\.\d+ /gmv, '#$<step> TIME ')
		.replaceAll(/^#(?<step>\d+) DONE \d+\.\ds$/gmv, '#$<step> DONE TIME')
		.replaceAll(/ \d+\.\ds(?= done$)/gmv, '');
}
