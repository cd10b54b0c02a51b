import {Buffer} from 'node:buffer';
import {
	lstatSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	readlinkSync,
	writeFileSync,
	type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import type {CopyAction, FileAction, FileOperation} from '../../src/definition/operations.ts';
import {O_DIRECTORY, O_RDONLY} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {getExtendedAttribute, listExtendedAttributes} from '../../src/linux/extended-attributes.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {snapshotOf, type BuildResult} from '../../solver/ops/build-result.ts';
import {createFileOp} from '../../solver/ops/file.ts';
import {PathPatterns} from '../../solver/ops/path-patterns.ts';
import type {ExecutionContext, Op} from '../../solver/vertex.ts';
import {makeBusyboxRoot} from './busybox-root.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** A COPY of what Docker's frontend makes of one without flags. */
export const plainCopy: CopyAction = {
	action: 'copy',
	input: 1,
	source: '/',
	destination: '/',
	allowWildcard: true,
	allowEmptyWildcard: true,
	directoryContentsOnly: true,
	createDestinationPath: true,
	followSymlinks: true,
	attemptUnpack: false,
	keepParents: false,
	include: [],
	exclude: [],
};

/** Where a file operation takes its files from. */
export type FileInputs = {
	/** The empty file system unless given. */
	readonly root?: SnapshotId;
	/** The build context unless given. */
	readonly from?: SnapshotId;
	/** Patterns for the build context. */
	readonly ignore?: readonly string[];
};

/**
A store in a temporary directory, with a build context beside it, and a file that nothing may read or change.
*/
export class BuildStore implements AsyncDisposable {
	/** Makes all of it. */
	static async open(): Promise<BuildStore> {
		await using undo = new AsyncDisposableStack();
		const directory = undo.use(await makeTemporaryDirectory());
		const context = path.join(directory.path, 'context');
		const outside = path.join(directory.path, 'outside');
		mkdirSync(context);
		mkdirSync(outside);
		writeFileSync(path.join(outside, 'canary'), 'sings');
		const store = undo.use(await openStore(path.join(directory.path, 'store')));
		const contextDirectory = undo.use(Descriptor.open(context, O_RDONLY | O_DIRECTORY));
		return new BuildStore({
			undo: undo.move(),
			store,
			context,
			outside,
			contextDirectory,
		});
	}

	readonly #undo: AsyncDisposableStack;
	readonly store: Store;
	/** Path of the build context. */
	readonly context: string;
	readonly contextDirectory: Descriptor;
	/** Path of a directory that belongs to nobody. */
	readonly outside: string;
	/** What the user would have been told. */
	readonly warnings: string[] = [];

	constructor({undo, store, context, outside, contextDirectory}: {
		readonly undo: AsyncDisposableStack;
		readonly store: Store;
		readonly context: string;
		readonly outside: string;
		readonly contextDirectory: Descriptor;
	}) {
		this.#undo = undo;
		this.store = store;
		this.context = context;
		this.contextDirectory = contextDirectory;
		this.outside = outside;
	}

	/** A snapshot of what `write` puts into a directory. */
	async snapshot(write: (directory: string) => void): Promise<SnapshotId> {
		await using active = await this.store.snapshotter.prepare(undefined);
		write(active.changesDirectory);
		return await active.commit({description: 'test'});
	}

	async busybox(): Promise<SnapshotId> {
		return this.snapshot(directory => {
			makeBusyboxRoot(directory);
		});
	}

	contextResult(ignore: readonly string[] = []): BuildResult {
		return {
			kind: 'directory',
			name: 'context',
			directory: this.contextDirectory,
			ignore: new PathPatterns(ignore, 'ignore patterns'),
		};
	}

	fileOp(actions: readonly FileAction[], {root}: FileInputs = {}): Op<BuildResult> {
		const operation: FileOperation = {
			kind: 'file',
			root: root === undefined ? null : 0,
			actions,
			platform: {os: 'linux', architecture: 'amd64'},
		};
		return createFileOp(operation, {
			store: this.store,
			name: 'file',
			inputCount: 2,
			warn: line => {
				this.warnings.push(line);
			},
		});
	}

	inputs({root, from, ignore}: FileInputs = {}): readonly BuildResult[] {
		return [
			{kind: 'snapshot', snapshot: root ?? null},
			from === undefined ? this.contextResult(ignore) : {kind: 'snapshot', snapshot: from},
		];
	}

	/** Executes file actions: input 0 is the root, input 1 what is copied from. */
	async change(actions: readonly FileAction[], inputs: FileInputs = {}, signal = new AbortController().signal): Promise<SnapshotId> {
		const result = await this.fileOp(actions, inputs).execute(this.inputs(inputs), silentExecution(signal));
		return snapshotOf(result)!;
	}

	async copy(action: Partial<CopyAction>, inputs: FileInputs = {}): Promise<SnapshotId> {
		return this.change([{...plainCopy, ...action}], inputs);
	}

	/** The content part of the cache key of a copy. */
	async digest(action: Partial<CopyAction>, inputs: FileInputs = {}): Promise<string | undefined> {
		const {inputs: digests} = await this.fileOp([{...plainCopy, ...action}], inputs).cacheMap(new AbortController().signal);
		return digests[1]?.(this.inputs(inputs)[1]!, new AbortController().signal);
	}

	/**
	The entries of a snapshot, sorted: `path mode uid:gid kind`, and for some kinds a word more: the text of a small file, the target of a link, the number of a device.
	*/
	async list(snapshot: SnapshotId | null, below = '/'): Promise<readonly string[]> {
		return this.visit(snapshot, root => {
			const names = readdirSync(path.join(root, below), {recursive: true, encoding: 'utf8'}).toSorted();
			return names.map(name => describeEntry(path.join(root, below, name), path.join(below, name)));
		});
	}

	/** Looks at the files of a snapshot through its path. */
	async visit<Value>(snapshot: SnapshotId | null, look: (root: string) => Value): Promise<Value> {
		using view = await this.store.snapshotter.view(snapshot!);
		return look(`${view.path}/.`);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#undo.disposeAsync();
	}
}

/** An execution that tells nobody anything. */
export function silentExecution(signal = new AbortController().signal): ExecutionContext {
	return {
		signal,
		log() {
			// Nobody reads it.
		},
		status() {
			// Nobody reads it.
		},
		usage() {
			// Nobody reads it.
		},
		forbidRecord() {
			// Nothing is recorded.
		},
	};
}

/** The extended attributes of a file, values as text. */
export function attributesOf(file: string): Readonly<Record<string, string>> {
	const names = listExtendedAttributes(file);
	return Object.fromEntries(names.map(name => [name, getExtendedAttribute(file, name)!.toString('latin1')]));
}

function describeEntry(file: string, name: string): string {
	const status = lstatSync(file, {bigint: true});
	const mode = (Number(status.mode) & 0o7777).toString(8).padStart(4, '0');
	return [name, mode, `${status.uid}:${status.gid}`, ...describeKind(file, status)].join(' ');
}

function describeKind(file: string, status: BigIntStats): readonly string[] {
	if (status.isSymbolicLink()) {
		return ['->', readlinkSync(file)];
	}

	if (status.isFile()) {
		return ['file', ...(status.size > 0n && status.size < 100n ? [JSON.stringify(readFileSync(file, 'utf8'))] : [])];
	}

	if (status.isCharacterDevice() || status.isBlockDevice()) {
		const number = Buffer.from([Number(status.rdev >> 8n) & 0xFF, Number(status.rdev) & 0xFF]);
		return [status.isBlockDevice() ? 'block' : 'character', `0x${number.toString('hex')}`];
	}

	return status.isDirectory() ? ['directory'] : [status.isFIFO() ? 'fifo' : 'socket'];
}
