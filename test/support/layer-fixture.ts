import {Buffer} from 'node:buffer';
import {
	chmodSync,
	chownSync,
	linkSync,
	mkdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {mediaTypes, type Descriptor} from '../../src/kernel/oci-types.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {build} from './snapshotter-contract.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** A store of its own, and its layers. */
export type LayerFixture = AsyncDisposable & {
	readonly store: Store;
	readonly layers: LayerStore;
};

/** Makes the store in a temporary directory. */
export async function openLayerFixture(): Promise<LayerFixture> {
	const directory = await makeTemporaryDirectory();
	const store = await openStore(directory.path);
	return {
		store,
		layers: new LayerStore(store),
		async [Symbol.asyncDispose]() {
			await store[Symbol.asyncDispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
}

/** Two snapshots on top of each other; the second adds to the first and removes of it. */
export async function buildTwo({snapshotter}: Store): Promise<readonly [SnapshotId, SnapshotId]> {
	const first = await build(snapshotter, undefined, async root => {
		mkdirSync(path.join(root, 'directory'));
		writeFileSync(path.join(root, 'directory/file'), 'text');
		linkSync(path.join(root, 'directory/file'), path.join(root, 'hardlink'));
		symlinkSync('directory', path.join(root, 'symlink'));
		writeFileSync(path.join(root, 'removed'), '');
		chmodSync(path.join(root, 'directory/file'), 0o4755);
		setExtendedAttribute(path.join(root, 'directory/file'), 'user.bytes', Buffer.of(0, 255));
	});
	const second = await build(snapshotter, first, async root => {
		rmSync(path.join(root, 'removed'));
		writeFileSync(path.join(root, 'added'), 'more');
		chownSync(path.join(root, 'added'), 3_000_000, 5);
	});
	return [first, second];
}

/** An archive of one file. */
export function tarOf(name: string, text: string): AsyncIterable<Uint8Array> {
	const entry = {
		path: name, type: 'file', mode: 0o644, size: text.length,
	} as const;
	return writeTar([{entry, content: Buffer.from(text)}]);
}

/** Keeps a blob, and says how a manifest names it. */
export async function addBlob({content}: Store, bytes: Uint8Array, mediaType: string = mediaTypes.layer): Promise<Descriptor> {
	return {mediaType, ...await content.write(bytes)};
}
