import {Buffer} from 'node:buffer';
import type {BigIntStats} from 'node:fs';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {listExtendedAttributes} from '../src/linux/extended-attributes.ts';
import {sortedNames} from './file-attributes.ts';
import type {SnapshotChanges} from './snapshotter.ts';
import {
	isOverlayOpaque,
	isOverlayWhiteout,
	isWhiteoutDevice,
	type OverlayAttributes,
} from './whiteout.ts';

/** How a directory of a snapshot says what it changed against the same directory of its parent. */
export type ChangesForm = {
	/** The names that may have changed, in the order of their bytes. */
	readonly names: (directory: Descriptor, below: Descriptor | undefined) => Buffer[];
	/** Whether a file stands for one that is gone. */
	readonly isWhiteout: (status: BigIntStats, path: Buffer) => boolean;
	/** Whether a directory hides all that its parent has in it. */
	readonly isOpaque: (directory: Descriptor) => boolean;
	/** When the tree was copied from its parent, by the clock of its file system in nanoseconds: what was not touched since then is the same. Unknown, or not copied: `undefined`. */
	readonly copiedAt: bigint | undefined;
};

/** An upper directory of an overlay with such attributes: it holds what has changed alone, with marks for what is gone. */
export function overlayForm(attributes: OverlayAttributes): ChangesForm {
	return {
		names: directory => sortedNames(directory),
		isWhiteout: (status, path) => isOverlayWhiteout(status, () => listExtendedAttributes(path), attributes),
		isOpaque: directory => isOverlayOpaque(directory, attributes),
		copiedAt: undefined,
	};
}

/** A whole tree: what is gone is not there. A device 0:0 is none to keep, because an overlay with that layer would take it for a whiteout. */
export function treeForm({copiedAt}: Extract<SnapshotChanges, {kind: 'tree'}>): ChangesForm {
	return {
		names(directory, below) {
			return below === undefined ? sortedNames(directory) : mergeNames(sortedNames(directory), sortedNames(below));
		},
		isWhiteout: status => isWhiteoutDevice(status),
		isOpaque: () => false,
		copiedAt,
	};
}

function mergeNames(first: readonly Buffer[], second: readonly Buffer[]): Buffer[] {
	const all = [...first, ...second].toSorted((left, right) => Buffer.compare(left, right));
	return all.filter((name, index) => index === 0 || !name.equals(all[index - 1]!));
}
