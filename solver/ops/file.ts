import {posix} from 'node:path';
import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import type {
	CopyAction,
	FileAction,
	FileOperation,
	InputIndex,
} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import {isDiskFull, storeError} from '../../snapshotter/store-error.ts';
import type {CacheMap, Op} from '../vertex.ts';
import {type BuildResult, snapshotOf} from './build-result.ts';
import {ChangedSources} from './changed-sources.ts';
import {copy} from './copy.ts';
import {digestSources} from './copy-selection.ts';
import {DescribedContent} from './described-content.ts';
import {makeDirectory} from './make-directory.ts';
import {makeFile} from './make-file.ts';
import {lookUpOwner, rootOwner} from './owner.ts';
import type {FileExecution} from './pack-files.ts';
import {openSourceTree} from './source-tree.ts';

/** What file operations work with. */
export type FileOpContext = {
	readonly store: Pick<Store, 'root' | 'snapshotter' | 'metadata' | 'content' | 'session'>;
	/** Of the vertex: describes the snapshot. */
	readonly name: string;
	readonly inputCount: number;
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
};

/**
The operation of COPY, ADD and WORKDIR.

In its cache key, what is copied counts by its content and by the last part of its path, as with BuildKit; the root that it goes to counts by its own key.

@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/ops/file.go
*/
export function createFileOp(operation: FileOperation, context: FileOpContext): Op<BuildResult> {
	const cacheMap = fileCacheMap(operation, context);
	return {
		async cacheMap() {
			return cacheMap;
		},
		async execute(inputs, {signal, forbidRecord}) {
			const changed = new ChangedSources(forbidRecord);
			const execution = {
				...context,
				parent: operation.root === null ? null : snapshotOf(inputs[operation.root]!),
				inputs,
				onChangedSource: changed.add,
				signal,
			};
			// Imported here: a build that finds all in the cache does without.
			const {packFiles} = await import('./pack-files.ts');
			const snapshot = await packFiles(operation, execution) ?? await changeFiles(operation, execution);
			changed.report(context.name, context.warn);
			return {kind: 'snapshot', snapshot};
		},
	};
}

async function changeFiles({actions}: FileOperation, execution: FileExecution): Promise<SnapshotId> {
	const {parent, store, name, signal} = execution;
	await using active = await store.snapshotter.prepare(parent ?? undefined);
	{
		using root = await active.mount();
		for (const action of actions) {
			signal.throwIfAborted();
			await performOnDisk(action, root, execution);
		}
	}

	return await active.commit({description: name});
}

/** As `perform`; a disk that is full is told as that of the store. */
async function performOnDisk(action: FileAction, root: Descriptor, execution: FileExecution): Promise<void> {
	try {
		await perform(action, root, execution);
	} catch (error) {
		throw isDiskFull(error) ? storeError('write files', error) : error;
	}
}

async function perform(action: FileAction, root: Descriptor, {parent, inputs, store, onChangedSource, signal}: FileExecution): Promise<void> {
	// In the empty file system there are no files to look names up in.
	const owner = action.owner === undefined ? undefined : lookUpOwner(action.owner, parent === null ? undefined : root);
	switch (action.action) {
		case 'copy': {
			using tree = await openSourceTree(action.input === null ? null : inputs[action.input]!, store);
			await copy(action, {
				root,
				tree,
				owner,
				onChangedSource,
				signal,
			});
			return;
		}

		case 'make-directory': {
			makeDirectory(action, root, owner);
			return;
		}

		case 'make-file': {
			makeFile(action, root, owner ?? rootOwner);
		}
	}
}

function fileCacheMap(operation: FileOperation, {store, inputCount}: FileOpContext): CacheMap<BuildResult> {
	const {kind, root, actions} = operation;
	const inputs = Array.from({length: inputCount}, (_, input) => (input === root ? [] : copiesFrom(operation, input)));
	const contents = inputs.map(copies => (copies.length === 0 ? undefined : describedContent(copies, store)));
	return {
		digest: canonicalDigest({kind, root, actions: actions.map(action => withoutPlace(action, root))}),
		inputs: contents.map(content => content?.digest),
		contentDescriptions: contents.map(content => content?.describe),
		selectors: inputs.map(copies => (copies.length === 0 ? undefined : selectorOf(copies))),
	};
}

function copiesFrom({actions}: FileOperation, input: InputIndex): readonly CopyAction[] {
	return actions.filter(action => action.action === 'copy').filter(action => action.input === input);
}

/** An action without the directory that it copies from, when the content stands for that. */
function withoutPlace(action: FileAction, root: InputIndex | null): FileAction {
	const isByContent = action.action === 'copy' && action.input !== null && action.input !== root;
	return isByContent ? {...action, source: posix.basename(action.source)} : action;
}

/** Digests what is copied of an input. */
function describedContent(copies: readonly CopyAction[], store: FileOpContext['store']): DescribedContent {
	return new DescribedContent(store, async (tree, signal) => {
		const digests = [];
		for (const action of copies) {
			digests.push(await digestSources(action, tree, signal));
		}

		return digests;
	});
}

function selectorOf(copies: readonly CopyAction[]): Digest {
	return canonicalDigest(copies.map(({source}) => source));
}
