import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {MergeOperation} from '../../src/definition/operations.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import {findPackedTimes, insertPackedSnapshot} from '../../snapshotter/packed-rows.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {Op} from '../vertex.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';

/** What merges work with. */
export type MergeOpContext = {
	readonly store: Pick<Store, 'metadata' | 'session'>;
	readonly layers: Pick<LayerStore, 'layerOf'>;
	/** Of the vertex: describes the snapshot. */
	readonly name: string;
};

/**
The operation of `COPY --link`, after its files were copied to the empty file system: their layer becomes that of a snapshot on the root. Nothing is copied, and both snapshots have the same blob.

@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/ops/merge.go
*/
export function createMergeOp({kind, root, layer}: MergeOperation, {store: {metadata, session}, layers, name}: MergeOpContext): Op<BuildResult> {
	return {
		async cacheMap() {
			return {digest: canonicalDigest({kind, root, layer}), inputs: [undefined, undefined]};
		},
		async execute(inputs, {signal}) {
			const linked = snapshotOf(inputs[layer]!)!;
			const {diffId, descriptor} = await layers.layerOf(linked, {signal});
			const snapshot = insertPackedSnapshot(metadata, {
				parent: snapshotOf(inputs[root]!) ?? undefined,
				diffId,
				blob: descriptor,
				times: findPackedTimes(metadata, linked),
				description: name,
				session: session.id,
			});
			return {kind: 'snapshot', snapshot};
		},
	};
}
