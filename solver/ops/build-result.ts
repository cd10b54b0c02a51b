import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {DirectoryReads} from './directory-reads.ts';
import type {PathPatterns} from './path-patterns.ts';

/** A file system that a vertex made. */
export type SnapshotResult = {
	readonly kind: 'snapshot';
	/** `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
};

/** A directory of the client, read where it is. Whoever runs the build keeps it open. */
export type DirectoryResult = {
	readonly kind: 'directory';
	/** As in the Dockerfile, such as `context`. */
	readonly name: string;
	readonly directory: Descriptor;
	/** What is not there for the build (.dockerignore). */
	readonly ignore: PathPatterns;
	/** Takes note of what is read, if somebody wants to know. */
	readonly reads?: DirectoryReads | undefined;
};

/** What the operations of a build give to each other. */
export type BuildResult = SnapshotResult | DirectoryResult;

/** The snapshot of an input that is written to or run in. */
export function snapshotOf(result: BuildResult): SnapshotId | null {
	if (result.kind !== 'snapshot') {
		throw new TypeError(`the directory ${result.name} is no root`);
	}

	return result.snapshot;
}
