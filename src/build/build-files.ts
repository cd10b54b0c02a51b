import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {BuildResult} from '../../solver/ops/build-result.ts';
import {peekStream} from '../../snapshotter/peek-stream.ts';
import {archiveStartLength, isArchiveStart} from '../context/archive-start.ts';
import {
	loadDockerfile,
	openContextDirectory,
	readDockerfileIn,
	type BuildFile,
} from '../context/build-files.ts';
import type {ByteStream, DockerfileSource} from '../context/context-source.ts';
import {loadIgnoreFile, parseIgnorePatterns} from '../context/ignore-file.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {O_DIRECTORY, O_RDONLY} from '../linux/constants.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {openRegularFileInRoot} from '../linux/resolve.ts';
import {
	fetchFile,
	fetchRepository,
	takeInArchive,
	type FetchedContext,
} from './fetch-context.ts';
import type {BuildStep} from './solve-definition.ts';

/** The files of a build: a directory of this machine, or files that had to be fetched. */
export type BuildFiles = AsyncDisposable & {
	/** Reads the Dockerfile, and shows that. */
	loadDockerfile(): Promise<BuildFile>;
	/** What the build context leaves out. */
	loadIgnorePatterns(dockerfile: BuildFile): Promise<readonly string[]>;
	/** Of what was fetched, in seconds since the epoch, if it is known. */
	readonly time?: number | undefined;
	/** The directory, or what was fetched. */
	readonly context: {readonly type: 'directory'; readonly directory: Descriptor} | {readonly type: 'given'; readonly files: BuildResult};
};

/**
Opens the build context, wherever it is. What has to be fetched is fetched now.

@throws {TsbuildError} `ERR_TSBUILD_CONTEXT`; {SolveError} when it cannot be fetched; the reason of the signal
*/
export async function openBuildFiles(step: BuildStep): Promise<BuildFiles> {
	const {context} = step.options;
	switch (context.type) {
		case 'directory': {
			return openDirectory(await openContextDirectory(context.path), step);
		}

		case 'git': {
			return openFetched(await fetchRepository(context.reference, `[internal] load git source ${context.reference.remote}`, step), step);
		}

		case 'http': {
			return openFetched(await fetchFile(context.url, '[internal] load remote build context', step), step);
		}

		case 'stream': {
			return openStream(context, step);
		}
	}
}

/** An archive has all files, and a Dockerfile may have none. */
async function openStream({read}: ByteStream, step: BuildStep): Promise<BuildFiles> {
	const {start, stream} = await peekStream(read(), archiveStartLength);
	if (isArchiveStart(start)) {
		return openFetched(await takeInArchive(stream, step), step);
	}

	if (step.options.dockerfile !== undefined) {
		throw new TsbuildError('ERR_TSBUILD_REQUEST', 'ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles', {
			hint: 'Standard input is no archive: build a directory with -f -, or leave out -f.',
		});
	}

	const directory = step.store.session.temporaryFile();
	await mkdir(directory);
	return openDirectory(Descriptor.open(directory, O_RDONLY | O_DIRECTORY), {
		...step, options: {...step.options, dockerfile: {type: 'stream', read: () => stream}},
	});
}

function openDirectory(directory: Descriptor, step: BuildStep): BuildFiles {
	const {options: {dockerfile, progress}} = step;
	return {
		context: {type: 'directory', directory},
		loadDockerfile: async () => loadDockerfile(directory, await dockerfilePath(dockerfile, step), progress),
		loadIgnorePatterns: async ({ignoreFile}) => (ignoreFile === undefined ? loadIgnoreFile(directory, {name: 'context', progress}) : parseIgnorePatterns(ignoreFile)),
		async [Symbol.asyncDispose]() {
			directory.close();
		},
	};
}

/** BuildKit has no `.dockerignore` for what comes from elsewhere: all of it is there already. */
async function openFetched({files, single, time}: FetchedContext, step: BuildStep): Promise<BuildFiles> {
	const {options: {dockerfile, progress}, store: {snapshotter}} = step;
	const root = await snapshotter.view(files.snapshot!);
	return {
		context: {type: 'given', files},
		time,
		async loadDockerfile() {
			return dockerfile === undefined || dockerfile.type === 'path'
				? readDockerfileIn(root, single ?? dockerfile?.path)
				: loadDockerfile(root, await dockerfilePath(dockerfile, step), progress);
		},
		loadIgnorePatterns: async () => [],
		async [Symbol.asyncDispose]() {
			root.close();
		},
	};
}

/** The path of a Dockerfile on this machine, which it is brought to if need be. */
async function dockerfilePath(source: DockerfileSource | undefined, step: BuildStep): Promise<string | undefined> {
	switch (source?.type) {
		case undefined: {
			return undefined;
		}

		case 'path': {
			return source.path;
		}

		case 'stream': {
			return keep(source.read(), step);
		}

		case 'http': {
			const {files, single} = await fetchFile(source.url, `[internal] load ${source.url}`, step);
			if (single === undefined) {
				throw new TsbuildError('ERR_TSBUILD_DOCKERFILE', `failed to read dockerfile: ${source.url} is an archive`, {
					hint: 'An archive is a build context: give its address in the place of the directory.',
				});
			}

			using root = await step.store.snapshotter.view(files.snapshot!);
			using file = openRegularFileInRoot(root, single);
			const content = await readFile(file.path);
			return await keep(content, step);
		}
	}
}

async function keep(content: Parameters<typeof writeFile>[1], {store: {session}}: BuildStep): Promise<string> {
	const directory = session.temporaryFile();
	const file = path.join(directory, 'Dockerfile');
	await mkdir(directory);
	await writeFile(file, content);
	return file;
}
