import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {cp, readFile} from 'node:fs/promises';
import path from 'node:path';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {makeTemporaryBaseImage} from './base-image.ts';
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

/**
Builds a case of `fixtures/build`: its `Dockerfile` with the files of its `context` folder, on the busybox base under the name `base`, with a store of its own, and the arguments in its file `command`, one a line.
*/
export async function buildCase(folder: string): Promise<BuildCaseResult> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const base = cleanup.use(await makeTemporaryBaseImage());
	const context = path.join(directory, 'context');
	const root = path.join(directory, 'store');
	const archive = path.join(directory, 'image.tar');
	await cp(path.join(folder, 'context'), context, {recursive: true, verbatimSymlinks: true, force: true}).catch(() => undefined);
	await cp(path.join(folder, 'Dockerfile'), path.join(context, 'Dockerfile'));
	const result = await tsbuild([
		...await readLines(path.join(folder, 'command')),
		'--build-context',
		`base=oci-layout://${base.directory}`,
		'-o',
		`type=oci,dest=${archive}`,
		'-o',
		`type=tar,dest=${path.join(directory, 'root.tar')}`,
		context,
	], {root});
	const kept = cleanup.move();
	return {
		...result,
		root,
		directory,
		archive,
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

/** The lines of an expectation; empty when the case has no such file. */
export async function readLines(file: string): Promise<readonly string[]> {
	if (!existsSync(file)) {
		return [];
	}

	const text = await readFile(file, 'utf8');
	return text.split('\n').filter(line => line !== '');
}

/** The files of a tar as GNU tar lists them, without times: `-rw-r--r-- 0/0 5 etc/motd`. */
export function listTar(archive: string): readonly string[] {
	const text = execFileSync('tar', ['--numeric-owner', '--quoting-style=escape', '-tvf', archive], {encoding: 'utf8', maxBuffer: 2 ** 28});
	return text.split('\n').filter(line => line !== '').map(line => line.replace(/^(?<mode>\S+) +(?<owner>\S+) +(?<size>\S+) \S+ \S+ /v, '$<mode> $<owner> $<size> '));
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
