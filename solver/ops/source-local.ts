import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {SourceLocalOperation} from '../../src/definition/operations.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult, DirectoryResult} from './build-result.ts';
import {DirectoryReads} from './directory-reads.ts';

/** An operation that copies from a directory, and which of its inputs the directory is. */
export type DirectoryReader = {
	readonly op: Op<BuildResult>;
	readonly input: number;
};

/** What local sources work with. */
export type SourceLocalContext = {
	readonly metadata: Metadata;
	/** All that is going to copy from the directory; complete when the operation executes. */
	readonly readers: readonly DirectoryReader[];
};

/**
The operation of the build context and of other directories of the client: they are read in place. The result is never cached; what is taken of it is known by its content.

That content is digested here, so that the step shows how much there is and how long it takes. What goes wrong with it is the reader's failure.
*/
export function createSourceLocalOp({kind, name}: SourceLocalOperation, directory: DirectoryResult, {metadata, readers}: SourceLocalContext): Op<BuildResult> {
	return {
		async cacheMap() {
			return {digest: canonicalDigest({kind, name}), inputs: [], uncacheable: true};
		},
		async execute(_inputs, {status, signal}) {
			using reads = new DirectoryReads(metadata);
			const result = {...directory, reads};
			const id = `transferring ${name}:`;
			status({id, current: 0, total: 0});
			await Promise.allSettled(readers.map(async reader => readAhead(reader, result, signal)));
			signal.throwIfAborted();
			status({
				id,
				current: reads.size,
				total: 0,
				completed: true,
			});
			return result;
		},
	};
}

async function readAhead({op, input}: DirectoryReader, directory: DirectoryResult, signal: AbortSignal): Promise<void> {
	const {inputs} = await op.cacheMap(signal);
	await inputs[input]?.(directory, signal);
}
