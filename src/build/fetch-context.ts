import {Buffer} from 'node:buffer';
import {createWriteStream, readSync, statSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {PathPatterns} from '../../solver/ops/path-patterns.ts';
import type {BuildResult, SnapshotResult} from '../../solver/ops/build-result.ts';
import {archiveStartLength, isArchiveStart} from '../context/archive-start.ts';
import {DefinitionBuilder, type VertexMetadata} from '../definition/definition.ts';
import type {CopyAction, Operation} from '../definition/operations.ts';
import type {Digest} from '../kernel/digest.ts';
import type {GitReference} from '../kernel/git-reference.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {withInternalVertex} from '../kernel/internal-vertex.ts';
import {hostPlatform} from '../kernel/platform.ts';
import {O_DIRECTORY, O_RDONLY} from '../linux/constants.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {openRegularFileInRoot} from '../linux/resolve.ts';
import {solveDefinition, type BuildStep, type SolveInputs} from './solve-definition.ts';

/** Files that had to be fetched. */
export type FetchedContext = {
	readonly files: SnapshotResult;
	/** The name of the one file, where it is no archive; that is the Dockerfile then. */
	readonly single?: string;
	/** Seconds since the epoch: that of the commit, or the one that the server tells of the file. */
	readonly time?: number;
};

// As BuildKit names what comes from an address.
const fileName = 'context';

/**
Fetches the files of a git repository. `name` is that of the step.

@throws as `solveDefinition`
*/
export async function fetchRepository(reference: GitReference, name: string, step: BuildStep): Promise<FetchedContext> {
	const {remote, name: wanted, subdirectory, checksum, keepsGitDirectory, hasSubmodules = true, time = 'commit'} = reference;
	const wish = parseGoBoolean(step.options.buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR') ?? '');
	const files = await solveVertex({
		kind: 'source-git',
		remote,
		name: wanted,
		...(checksum !== undefined && {checksum}),
		subdirectory: path.posix.resolve('/', subdirectory).slice(1),
		keepsGitDirectory: keepsGitDirectory ?? wish ?? false,
		hasSubmodules,
		time,
	}, name, step);
	using root = await step.store.snapshotter.view(files.snapshot!);
	return {files, ...(time === 'commit' && {time: timeOf(root)})};
}

/**
Fetches a file of the web, and unpacks it if it is an archive. `name` is that of the step.

@throws as `solveDefinition`
*/
export async function fetchFile(url: string, name: string, step: BuildStep): Promise<FetchedContext> {
	const files = await solveVertex({kind: 'source-http', url, fileName}, name, step);
	using root = await step.store.snapshotter.view(files.snapshot!);
	using file = openRegularFileInRoot(root, fileName);
	const time = timeOf(file);
	return {
		...(isArchiveStart(readStart(file)) ? {files: await unpack(files, step)} : {files, single: fileName}),
		// A server that tells none leaves that of the epoch.
		...(time > 0 && {time}),
	};
}

function timeOf({path: file}: Descriptor): number {
	return Math.trunc(statSync(file).mtimeMs / 1000);
}

/**
Takes in an archive from a stream, and unpacks it.

@throws as `solveDefinition`; what the stream throws
*/
export async function takeInArchive(stream: AsyncIterable<Uint8Array>, step: BuildStep): Promise<FetchedContext> {
	const {options: {progress, signal}, store: {session}} = step;
	const directory = session.temporaryFile();
	await withInternalVertex(progress, '[internal] load remote build context', async () => {
		await mkdir(directory);
		await pipeline(Readable.from(stream), createWriteStream(path.join(directory, fileName)), {signal});
	});
	using opened = Descriptor.open(directory, O_RDONLY | O_DIRECTORY);
	return {
		files: await unpack({
			kind: 'directory', name: fileName, directory: opened, ignore: new PathPatterns([], 'patterns'),
		}, step),
	};
}

async function solveVertex(operation: Operation, name: string, step: BuildStep): Promise<SnapshotResult> {
	const builder = new DefinitionBuilder();
	return solveFor(builder.add(operation, [], vertexMetadata(name)), {builder, step});
}

const unpackAction: CopyAction = {
	action: 'copy',
	input: 0,
	source: `/${fileName}`,
	destination: '/',
	allowWildcard: false,
	allowEmptyWildcard: false,
	directoryContentsOnly: false,
	createDestinationPath: false,
	followSymlinks: false,
	attemptUnpack: true,
	keepParents: false,
	include: [],
	exclude: [],
};

async function unpack(archive: BuildResult, step: BuildStep): Promise<SnapshotResult> {
	const builder = new DefinitionBuilder();
	const given = builder.add({kind: 'source-given', name: fileName}, [], vertexMetadata(''));
	const unpacked = builder.add({
		kind: 'file', root: null, actions: [unpackAction], platform: hostPlatform(),
	}, [given], vertexMetadata(`copy /${fileName} /`));
	return solveFor(unpacked, {builder, step, inputs: {givenResults: new Map([[fileName, archive]])}});
}

type SolveForOptions = {readonly builder: DefinitionBuilder; readonly step: BuildStep; readonly inputs?: SolveInputs};

async function solveFor(result: Digest, {builder, step, inputs = {}}: SolveForOptions): Promise<SnapshotResult> {
	return {kind: 'snapshot', snapshot: await solveDefinition(builder.finish(result), step, inputs)};
}

function vertexMetadata(name: string): VertexMetadata {
	return {name, locations: [], ignoreCache: false};
}

function readStart({number}: Descriptor): Uint8Array {
	const start = Buffer.alloc(archiveStartLength);
	return start.subarray(0, readSync(number, start));
}
