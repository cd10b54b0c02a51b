import {diffIdFrom} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import type {
	CopyAction,
	FileAction,
	FileOperation,
	MakeDirectoryAction,
} from '../../src/definition/operations.ts';
import {insertPackedSnapshot, packedSnapshots} from '../../snapshotter/packed-rows.ts';
import {PackedTimes} from '../../snapshotter/packed-times.ts';
import {SnapshotTree} from '../../snapshotter/snapshot-tree.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import type {BuildResult} from './build-result.ts';
import type {OnChangedSource} from './changed-sources.ts';
import {LayerPlan} from './layer-plan.ts';
import {
	isNumericOwner,
	lookUpOwner,
	newDirectoryOf,
	type Owner,
} from './owner.ts';
import {planCopy} from './plan-copy.ts';
import {planMembers} from './plan-members.ts';
import {openSourceTree} from './source-tree.ts';
import {Unplannable} from './unplannable.ts';

/** What file operations change files with. */
export type FileExecution = {
	/** What the result stands on; `null` is the empty file system. */
	readonly parent: SnapshotId | null;
	readonly inputs: readonly BuildResult[];
	readonly store: Pick<Store, 'root' | 'snapshotter' | 'metadata' | 'content' | 'session'>;
	/** Describes the snapshot. */
	readonly name: string;
	readonly onChangedSource: OnChangedSource;
	readonly signal: AbortSignal;
};

/** An action that can be planned. */
type PlannableAction = CopyAction | MakeDirectoryAction;

const nanosecondsPerMillisecond = 1_000_000n;

/**
Carries out a file operation without making its files: what they would be goes into the layer's tar at once, each source is read one time, and the snapshot is unpacked when somebody needs its tree.

@returns the packed snapshot; `undefined` where a mounted tree is needed: then nothing has happened
@throws as the actions on a mounted tree
*/
export async function packFiles({actions}: FileOperation, execution: FileExecution): Promise<SnapshotId | undefined> {
	if (!isWorthPacking(actions, execution)) {
		return undefined;
	}

	try {
		using opened = new DisposableStack();
		const plan = await planActions(actions, execution, opened);
		return await packLayer(plan, execution);
	} catch (error) {
		if (error instanceof Unplannable) {
			return undefined;
		}

		throw error;
	}
}

/** A directory alone is made as quickly, unless something would have to be unpacked for it. */
function isWorthPacking(actions: readonly FileAction[], {parent, store}: FileExecution): actions is readonly PlannableAction[] {
	const isPlannable = actions.every(({action}) => action !== 'make-file');
	return isPlannable && (actions.some(({action}) => action === 'copy') || (parent !== null && packedSnapshots(store.metadata, parent).length > 0));
}

async function planActions(actions: readonly PlannableAction[], execution: FileExecution, opened: DisposableStack): Promise<LayerPlan> {
	const {parent, inputs, store, signal} = execution;
	const below = opened.use(await SnapshotTree.open(parent, store, signal));
	const plan = new LayerPlan(below, BigInt(Date.now()) * nanosecondsPerMillisecond);
	for (const action of actions) {
		signal.throwIfAborted();
		const owner = await findOwner(action, execution);
		if (action.action === 'make-directory') {
			plan.makeDirectories(action.path, newDirectoryOf(owner, action.mode));
		} else {
			const tree = opened.use(await openSourceTree(action.input === null ? null : inputs[action.input]!, store));
			await planCopy(action, {
				...execution, plan, tree, owner,
			});
		}
	}

	return plan;
}

async function findOwner({owner}: PlannableAction, {parent, store}: FileExecution): Promise<Owner | undefined> {
	if (owner === undefined) {
		return undefined;
	}

	using root = parent === null || isNumericOwner(owner) ? undefined : await store.snapshotter.view(parent);
	return lookUpOwner(owner, root);
}

async function packLayer(plan: LayerPlan, {parent, store: {content, metadata, session}, name, signal}: FileExecution): Promise<SnapshotId> {
	const times = new PackedTimes();
	const {digest, size} = await content.ingest(writeTar(planMembers(plan, {times, signal})), {signal});
	return insertPackedSnapshot(metadata, {
		parent: parent ?? undefined,
		diffId: diffIdFrom(digest),
		blob: {mediaType: mediaTypes.layer, digest, size},
		times: times.bytes,
		description: name,
		session: session.id,
	});
}
