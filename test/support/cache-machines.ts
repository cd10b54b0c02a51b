import {readFile, readdir} from 'node:fs/promises';
import path from 'node:path';
import type {Project} from './project.ts';
import type {TsbuildResult} from './tsbuild.ts';

/** A machine that shares nothing with others but what it is told of. */
export type Machine = {
	/** Its store. */
	readonly root: string;
	/** Builds the project; fails the test when that fails. */
	build(...args: readonly string[]): Promise<TsbuildResult>;
	/** Builds it to an archive, and gives the digest of the image's config, which tells of its layers. */
	buildImage(...args: readonly string[]): Promise<{readonly stderr: string; readonly configDigest: string}>;
	/** The blobs in its store. */
	blobs(): Promise<readonly string[]>;
};

/** Makes a machine with an empty store; the project is its build context. */
export function makeMachine(project: Project, name: string): Machine {
	const root = path.join(project.directory, name);
	const build = async (...args: readonly string[]) => {
		const result = await project.build('--root', root, ...args);
		const sessions = await readdir(path.join(root, 'sessions'));
		if (result.exitCode !== 0 || sessions.length > 0) {
			throw new Error(`${name} exits with ${result.exitCode}, leaves ${JSON.stringify(sessions)}:\n${result.stderr}`);
		}

		return result;
	};

	return {
		root,
		build,
		async buildImage(...args) {
			const [archive, identity] = ['tar', 'id'].map(extension => path.join(project.directory, `${name}.${extension}`)) as [string, string];
			const {stderr} = await build('-o', `type=oci,dest=${archive}`, '--iidfile', identity, ...args);
			return {stderr, configDigest: await readFile(identity, 'utf8')};
		},
		blobs: async () => readdir(path.join(root, 'content/blobs/sha256')),
	};
}

/** The names of the steps of a plain progress that were executed: not those that are cached, maybe in layers that are downloaded, or are no steps of the Dockerfile. */
export function executedSteps(stderr: string): readonly string[] {
	const steps = stderr.matchAll(/^#(?<number>\d+) (?<name>\[[^\]]*\d\/\d+\] .*)$/gmv).map(match => match.groups!).toArray();
	const names = new Map(steps.map(({number, name}) => [number!, name!]));
	return names.entries().filter(([number]) => !stderr.includes(`\n#${number} CACHED\n`) && !stderr.includes(`\n#${number} sha256:`)).map(([, name]) => name.replace(/^\[[^\]]*\] /v, '')).toArray();
}
