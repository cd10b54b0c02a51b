import {Descriptor} from '../../src/linux/descriptor.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import type {FileListing} from '../../snapshotter/file-listing.ts';
import type {Store} from '../../snapshotter/store.ts';
import {emptyDirectory} from '../../snapshotter/snapshot-directories.ts';
import type {BuildResult} from './build-result.ts';
import type {DirectoryReads} from './directory-reads.ts';
import {PathPatterns} from './path-patterns.ts';

/** The files of an input, for reading. */
export type SourceTree = Disposable & {
	/** For messages: one word. */
	readonly name: string;
	readonly root: Descriptor;
	/** Files of a client belong to root in an image, whoever owns them there. */
	readonly isLocal: boolean;
	readonly ignore: PathPatterns;
	/** Takes note of what is read. */
	readonly reads: DirectoryReads | undefined;
	/** Takes the files that a content digest is made of. */
	readonly listing?: FileListing | undefined;
};

const nothingIgnored = new PathPatterns([], 'patterns');

/** Opens the files of a result; `null` stands for the empty file system. */
export async function openSourceTree(result: BuildResult | null, {root, snapshotter}: Pick<Store, 'root' | 'snapshotter'>): Promise<SourceTree> {
	if (result?.kind === 'directory') {
		return {
			name: result.name,
			root: result.directory,
			isLocal: true,
			ignore: result.ignore,
			reads: result.reads,
			[Symbol.dispose]() {
				// It stays open for the other operations of the build.
			},
		};
	}

	const snapshot = result?.snapshot ?? null;
	const view = snapshot === null ? Descriptor.open(emptyDirectory(root), O_PATH | O_DIRECTORY) : await snapshotter.view(snapshot);
	return {
		name: snapshot === null ? 'scratch' : `snapshot-${snapshot}`,
		root: view,
		isLocal: false,
		ignore: nothingIgnored,
		reads: undefined,
		[Symbol.dispose]() {
			view.close();
		},
	};
}
