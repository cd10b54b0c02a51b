import type {Buffer} from 'node:buffer';
import {layerTar} from '../../snapshotter/diff.ts';
import type {SnapshotterName} from '../../snapshotter/snapshotter-choice.ts';
import type {SnapshotId, Snapshotter} from '../../snapshotter/snapshotter.ts';
import {openStore} from '../../snapshotter/store.ts';
import {build} from './snapshotter-contract.ts';
import {collect, readMembers} from './tar-bytes.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** What a step does to its root directory. */
export type Change = (root: string) => void | Promise<void>;

/** The layer tar of a snapshot. */
export async function layerTarOf(snapshotter: Snapshotter, id: SnapshotId): Promise<Buffer> {
	const parentId = snapshotter.info(id)?.parent;
	using parent = parentId === undefined ? undefined : await snapshotter.view(parentId);
	return await collect(layerTar(snapshotter.changes(id), {parent}));
}

/** The entries of the last layer of a stack, as `type mode path[ -> target]`. */
export async function layerEntries(snapshotter: SnapshotterName, ...changes: readonly Change[]): Promise<readonly string[]> {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path, {snapshotter});
	const ids: SnapshotId[] = [];
	for (const change of changes) {
		const id = await build(store.snapshotter, ids.at(-1), async root => change(root));
		ids.push(id);
	}

	const members = await readMembers(await layerTarOf(store.snapshotter, ids.at(-1)!));
	return members.map(({entry: {type, mode, path: name, linkTarget}}) => [
		`${type} ${mode.toString(8)} ${name.toString()}`,
		...(linkTarget.length === 0 ? [] : [linkTarget.toString()]),
	].join(' -> '));
}
