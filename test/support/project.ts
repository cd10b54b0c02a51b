import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {makeTemporaryBaseImage} from './base-image.ts';
import {findLeftovers, type LeftoverOptions, type Leftovers} from './leftovers.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {
	startTsbuild,
	tsbuild,
	type TsbuildProcess,
	type TsbuildResult,
} from './tsbuild.ts';

/** A build context with a store of its own. When it is disposed of, the test fails if its builds have left a mount, process, cgroup, session or temporary file. */
export type Project = AsyncDisposable & {
	/** Holds everything below. */
	readonly directory: string;
	readonly context: string;
	/** The store's directory. */
	readonly root: string;
	/** Directory of the base image's layout. */
	readonly base: string;
	/** Builds the context, on the busybox base under the name `base`. */
	build(...args: readonly string[]): Promise<TsbuildResult>;
	/** Builds with variables of the environment besides those of the test. */
	buildIn(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<TsbuildResult>;
	/** Starts such a build, for tests that interrupt it. */
	start(...args: readonly string[]): TsbuildProcess;
	/** Writes files into the context. */
	write(files: Readonly<Record<string, string>>): Promise<void>;
};

/** Makes a project of the given files, by their path in the context. */
export async function makeProject(files: Readonly<Record<string, string>>, options: LeftoverOptions = {}): Promise<Project> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const base = cleanup.use(await makeTemporaryBaseImage());
	const context = path.join(directory, 'context');
	const root = path.join(directory, 'store');
	const common = ['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base.directory}`];
	const write = async (added: Readonly<Record<string, string>>) => writeFiles(context, added);
	await write(files);
	const kept = cleanup.move();
	return {
		directory,
		context,
		root,
		base: base.directory,
		build: async (...args) => tsbuild([...common, ...args, context], {root}),
		buildIn: async (env, ...args) => tsbuild([...common, ...args, context], {root, env}),
		start: (...args) => startTsbuild([...common, ...args, context], {root}),
		write,
		async [Symbol.asyncDispose]() {
			const leftovers = await findLeftovers(root, options);
			await kept.disposeAsync();
			refuse(leftovers);
		},
	};
}

/** Fails the test whose builds have left something. */
function refuse(leftovers: Leftovers): void {
	const found = Object.entries(leftovers).filter(([, names]) => names.length > 0);
	if (found.length > 0) {
		throw new Error(`the builds have left something: ${JSON.stringify(found)}`);
	}
}

async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(directory, name);
		await mkdir(path.dirname(file), {recursive: true});
		await writeFile(file, content);
	}
}
