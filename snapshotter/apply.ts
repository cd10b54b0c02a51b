import {diffIdFrom, type DiffId} from '../src/kernel/digest.ts';
import {TsbuildError} from '../src/kernel/errors.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import type {Name} from '../src/linux/name.ts';
import {createEntry, type Trees} from './create-entry.ts';
import {parseEntryPath} from './entry-path.ts';
import {HashedStream} from './hashed-stream.ts';
import {layerEntryFailure, layerError} from './layer-error.ts';
import {ParentTree} from './parent-tree.ts';
import type {TarEntry} from './tar-entry.ts';
import {readTar, type TarMemberRead} from './tar-reader.ts';
import {UpperTree} from './upper-tree.ts';
import {parseLayerName, type OverlayAttributes} from './whiteout.ts';

/** Where a layer goes. */
export type ApplyOptions = {
	/** The empty upper directory of an overlay, which nobody else uses meanwhile. */
	readonly into: string;
	/** The merged tree that the layer is put on; `undefined` when it is the lowest. */
	readonly parent: Descriptor | undefined;
	/** Who reads the directory, by default an overlay with `trusted` attributes. With `user` device files are left out: nobody but root can make them. */
	readonly overlayAttributes?: OverlayAttributes;
	/** Bytes of all files of the layer at most, with their holes. */
	readonly maximumSize?: number | undefined;
	/** Gives each entry back what the layer leaves out of it. */
	readonly restore?: (entry: TarEntry) => TarEntry;
	readonly signal?: AbortSignal | undefined;
};

/** What was applied. */
export type AppliedLayer = {
	readonly diffId: DiffId;
	/** Bytes of the uncompressed tar. */
	readonly size: number;
};

/**
Puts a layer, an uncompressed tar, into an upper directory. Its entries are hostile: no path, link or attribute of the layer reaches anything outside of the directory. After a failure the directory holds some part of the layer.

As containerd does it, an entry for the root directory itself is passed over, `..` stops at the root, and directories without an entry get the attributes of the directory below, or 0755. Whiteouts only hide what is below, also when they come after an entry of the same name.

@throws {TsbuildError} `ERR_TSBUILD_LAYER` for an entry that is refused, `ERR_TSBUILD_TAR` for what is no archive, `ERR_TSBUILD_UNPACKED_SIZE`, `ERR_TSBUILD_STORE` when the disk is full; what `layer` throws; the reason of `signal`
@see https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
@see https://github.com/containerd/containerd/blob/v2.0.0/pkg/archive/tar.go
*/
export async function applyLayer(layer: AsyncIterable<Uint8Array>, options: ApplyOptions): Promise<AppliedLayer> {
	const {into, parent: parentRoot, overlayAttributes = 'trusted', restore = (entry: TarEntry) => entry, maximumSize, signal} = options;
	const parent = new ParentTree(parentRoot);
	using upper = new UpperTree({directory: into, parent, overlayAttributes});
	await using stream = new HashedStream(layer, signal);
	for await (const {entry, content} of readTar(stream, {maximumSize})) {
		signal?.throwIfAborted();
		const member = {entry: restore(entry), content};
		if (overlayAttributes !== 'user' || !isDevice(member)) {
			await explainFailure(entry.path, async () => applyMember({upper, parent}, member));
		}
	}

	await explainFailure('/', async () => {
		upper.finish();
	});
	const {digest, size} = await stream.finish();
	return {diffId: diffIdFrom(digest), size};
}

async function applyMember(trees: Trees, {entry, content}: TarMemberRead): Promise<void> {
	const path = parseEntryPath(entry.path);
	if (path === undefined) {
		return;
	}

	const meaning = parseLayerName(path.name);
	switch (meaning.kind) {
		case 'file': {
			await createEntry(trees, path, {attributes: entry, content});
			break;
		}

		case 'whiteout': {
			trees.upper.hide({parent: path.parent, name: meaning.hidden});
			break;
		}

		case 'opaque': {
			trees.upper.hideAll(path.parent);
			break;
		}

		case 'ignored': {
			break;
		}

		case 'invalid': {
			throw layerError(entry.path, 'it is a whiteout of nothing');
		}
	}
}

function isDevice({entry: {type}}: TarMemberRead): boolean {
	return type === 'character' || type === 'block';
}

// What the stream or the archive is to blame for is an error of ours already; what is left are errors of the system.
async function explainFailure(path: Name, action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		throw isSystemError(error) && !(error instanceof TsbuildError) ? layerEntryFailure(path, error) : error;
	}
}

function isSystemError(error: unknown): boolean {
	return error instanceof Error && 'syscall' in error;
}
