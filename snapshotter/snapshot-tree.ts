import {Buffer} from 'node:buffer';
import {O_DIRECTORY, O_PATH} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {nameBytes} from '../src/linux/name.ts';
import {readFileAttributes, statusIn, type FileAttributes} from './file-attributes.ts';
import {packedSnapshots, type PackedSnapshot} from './packed-rows.ts';
import {exactTimes} from './packed-times.ts';
import {ParentTree} from './parent-tree.ts';
import {emptyDirectory} from './snapshot-directories.ts';
import type {SnapshotId} from './snapshotter.ts';
import type {Store} from './store.ts';
import type {TarEntry} from './tar-entry.ts';
import {readTar} from './tar-reader.ts';

/** What is at a path of a tree. */
export type TreeFile = {
	readonly attributes: FileAttributes;
	/** Known from a layer that is still packed. */
	readonly isPacked: boolean;
};

/** By path, each byte of it as one UTF-16 unit ("latin1"), without slashes around it. */
type LayerEntries = ReadonlyMap<string, TarEntry>;

const slash = 0x2F;

/**
The merged tree of a snapshot, to look at single files of it without unpacking what is packed. Paths are plain: relative to the root, without `..`, and no symbolic link in them is followed.
*/
export class SnapshotTree implements Disposable {
	/**
	Opens the tree of a committed snapshot; `null` is the empty file system.

	@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND`; `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_CONTENT` for a packed layer that is missing or damaged; the reason of `signal`
	*/
	static async open(id: SnapshotId | null, {root, metadata, content, snapshotter}: Pick<Store, 'root' | 'metadata' | 'content' | 'snapshotter'>, signal: AbortSignal): Promise<SnapshotTree> {
		const packed = id === null ? [] : plannedAtEnd(packedSnapshots(metadata, id));
		const layers: LayerEntries[] = [];
		for (const snapshot of packed) {
			layers.push(await readLayerEntries(snapshot, content, signal));
		}

		const unpacked = packed.length === 0 ? id : packed[0]!.parent ?? null;
		const view = unpacked === null ? Descriptor.open(emptyDirectory(root), O_PATH | O_DIRECTORY) : await snapshotter.view(unpacked);
		return new SnapshotTree(view, layers.toReversed());
	}

	readonly #view: Descriptor;
	readonly #parent: ParentTree;
	/** The uppermost first. */
	readonly #layers: readonly LayerEntries[];
	// Most names that are looked up are in the directory of the one before.
	#lastDirectory: {readonly path: Buffer; readonly descriptor: Descriptor | undefined} | undefined;

	constructor(view: Descriptor, layers: readonly LayerEntries[]) {
		this.#view = view;
		this.#parent = new ParentTree(view);
		this.#layers = layers;
	}

	#openDirectory(path: Buffer): Descriptor | undefined {
		if (this.#lastDirectory?.path.equals(path) !== true) {
			this.#lastDirectory?.descriptor?.close();
			this.#lastDirectory = {path, descriptor: this.#parent.openDirectory(path)};
		}

		return this.#lastDirectory.descriptor;
	}

	/** What is at a path; of a socket nothing more is known, because no layer holds one. The attributes of a directory are those of the uppermost layer that has it. */
	find(path: Buffer): TreeFile | 'socket' | undefined {
		const key = path.toString('latin1');
		for (const entries of this.#layers) {
			const entry = entries.get(key);
			if (entry !== undefined) {
				return {attributes: entry, isPacked: true};
			}

			if (isHidden(key, entries)) {
				return undefined;
			}
		}

		const end = path.lastIndexOf(slash);
		const directory = this.#openDirectory(path.subarray(0, Math.max(0, end)));
		const name = path.subarray(end + 1);
		const status = directory && statusIn(directory, name);
		if (directory === undefined || status === undefined) {
			return undefined;
		}

		const attributes = readFileAttributes(directory, name, status);
		return attributes === undefined ? 'socket' : {attributes, isPacked: false};
	}

	/** The attributes of the root directory itself. */
	get rootAttributes(): FileAttributes {
		const name = Buffer.from('.');
		return readFileAttributes(this.#view, name, statusIn(this.#view, name)!)!;
	}

	[Symbol.dispose](): void {
		this.#lastDirectory?.descriptor?.close();
		this.#view.close();
	}
}

/** The uppermost snapshots whose layers were planned here: those have nothing but files, under plain paths. A layer from elsewhere may remove files as well. */
function plannedAtEnd(packed: readonly PackedSnapshot[]): readonly PackedSnapshot[] {
	return packed.slice(packed.findLastIndex(({times}) => times.length === 0) + 1);
}

/** A file of an upper layer hides what is below its name in lower ones. */
function isHidden(path: string, entries: LayerEntries): boolean {
	for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
		const entry = entries.get(path.slice(0, end));
		if (entry !== undefined) {
			return entry.type !== 'directory';
		}
	}

	return false;
}

async function readLayerEntries({blob, times}: PackedSnapshot, content: Store['content'], signal: AbortSignal): Promise<LayerEntries> {
	const entries = new Map<string, TarEntry>();
	const restore = exactTimes(times);
	for await (const {entry} of readTar(content.read(blob.digest, {size: blob.size, signal}))) {
		entries.set(Buffer.from(nameBytes(entry.path)).toString('latin1').replace(/\/$/v, ''), withTarget(restore(entry), entries));
	}

	return entries;
}

/** A hard link is the file that it names. */
function withTarget(entry: TarEntry, entries: LayerEntries): TarEntry {
	return entry.type === 'hardlink' ? entries.get(entry.linkTarget.toString('latin1')) ?? entry : entry;
}
