import {readFileSync} from 'node:fs';
import path from 'node:path';
import {applyLayer, type AppliedLayer} from '../../snapshotter/apply.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore} from '../../snapshotter/store.ts';
import {archiveOf, type ArchiveEntry} from './archive-entries.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {listTree, type ListedFile} from './tree-listing.ts';

/** What a stack of layers gives. */
export type AppliedLayers = {
	/** The merged tree after the last layer. */
	readonly tree: Readonly<Record<string, ListedFile>>;
	/** Texts of the files. */
	readonly texts: Readonly<Record<string, string>>;
	readonly results: readonly AppliedLayer[];
};

/** Applies layers on each other in a fresh store. */
export async function applyLayers(layers: ReadonlyArray<readonly ArchiveEntry[]>): Promise<AppliedLayers> {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const {snapshotter} = store;
	const results: AppliedLayer[] = [];
	const ids: SnapshotId[] = [];
	for (const layer of layers) {
		const top = ids.at(-1);
		using parent = top === undefined ? undefined : await snapshotter.view(top);
		await using active = await snapshotter.prepare(top);
		const result = await applyLayer(archiveOf(...layer), {into: active.changesDirectory, parent});
		results.push(result);
		const id = await active.commit({description: ''});
		ids.push(id);
	}

	using view = await snapshotter.view(ids.at(-1)!);
	const tree = listTree(view.path);
	const files = Object.entries(tree).filter(([, {type}]) => type === 0o10);
	return {results, tree, texts: Object.fromEntries(files.map(([name]) => [name, readFileSync(path.join(view.path, name), 'utf8')]))};
}
