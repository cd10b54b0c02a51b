import {Buffer} from 'node:buffer';
import type {CopyAction} from '../../src/definition/operations.ts';
import {O_DIRECTORY, O_RDONLY} from '../../src/linux/constants.ts';
import {openInRoot, realPathInRoot} from '../../src/linux/resolve.ts';
import {changeDetector, type OnChangedSource} from './changed-sources.ts';
import {changesOf, type CopySource} from './copy-attributes.ts';
import {hasPassages, withoutTrailingSlash} from './copy.ts';
import {openSource, selectSources, type SelectedSource} from './copy-selection.ts';
import {splitPath} from './destination.ts';
import type {LayerPlan} from './layer-plan.ts';
import {newDirectoryMode, parseMode} from './mode.ts';
import {newDirectoryOf, type Owner} from './owner.ts';
import type {SourceTree} from './source-tree.ts';
import {TreePlanner, type OpenSourceDirectory} from './tree-planner.ts';
import {Unplannable} from './unplannable.ts';

/** What the planning of a copy works with. */
export type PlanContext = {
	readonly plan: LayerPlan;
	/** Stays open until the plan is carried out. */
	readonly tree: SourceTree;
	/** The owner that was asked for. */
	readonly owner: Owner | undefined;
	readonly onChangedSource: OnChangedSource;
	readonly signal: AbortSignal;
};

/**
Plans what COPY does: the same as `copy`, in a tree that is not written to.

@throws {Unplannable} where only a mounted tree can tell
@throws as `copy`, for what is wrong with the sources
*/
export async function planCopy(action: CopyAction, context: PlanContext): Promise<void> {
	for (const source of selectSources(action, context.tree)) {
		await planSource(source, action, context);
	}
}

async function planSource(selected: SelectedSource, action: CopyAction, context: PlanContext): Promise<void> {
	const {plan, tree, owner} = context;
	const source = openSource(selected, tree);
	using _file = source.file;
	const isDirectory = source.status.isDirectory();
	if (isDirectory ? !action.directoryContentsOnly && !action.keepParents : action.attemptUnpack && await mayBeArchive(source, context.signal)) {
		throw new Unplannable(`the source ${action.source}`);
	}

	const newDirectory = newDirectoryOf(owner, newDirectoryMode(action.mode));
	if (action.destination.endsWith('/') || action.destination.endsWith('/.')) {
		plan.makeDirectories(action.destination, newDirectory);
	}

	const place = plan.findPlace(withoutTrailingSlash(action.destination), newDirectory);
	const mode = action.mode === undefined ? undefined : parseMode(action.mode);
	const planner = new TreePlanner({
		...context, visit: changeDetector(tree, selected.path, context.onChangedSource), changes: changesOf({owner, mode, isLocal: tree.isLocal}), keepsPassages: hasPassages(action),
	});
	if (isDirectory) {
		using directory = openSourceDirectory(selected.path, tree);
		await planner.addContents(directory, {target: () => plan.openDirectory(place, newDirectory), filter: selected.filter});
	} else {
		const {parent, name} = splitPath(realPathOf(selected, tree));
		using directory = openSourceDirectory(parent, tree);
		const into = plan.directoryIn(place);
		planner.addFile({directory, name}, into === undefined ? place : {directory: into, name: selected.name});
	}
}

/** Whoever unpacks an archive tells what is wrong with it. */
async function mayBeArchive(source: CopySource, signal: AbortSignal): Promise<boolean> {
	if (!source.status.isFile()) {
		return false;
	}

	const {openArchive} = await import('./archive.ts');
	try {
		const members = await openArchive(source, {signal});
		// A generator that was not started closes nothing.
		await members?.next();
		await members?.return(undefined);
		return members !== undefined;
	} catch {
		signal.throwIfAborted();
		return true;
	}
}

/** Where a source is, without symbolic links on the way, and followed or not in the last place. */
function realPathOf({path, name, followsLink}: SelectedSource, {root}: SourceTree): Buffer {
	return followsLink ? realPathInRoot(root, path) : Buffer.concat([realPathInRoot(root, splitPath(path).parent), Buffer.from('/'), name]);
}

function openSourceDirectory(path: Buffer, {root}: SourceTree): OpenSourceDirectory {
	const descriptor = openInRoot(root, path, {flags: O_RDONLY | O_DIRECTORY});
	return {
		root,
		path: realPathInRoot(root, path).subarray(1),
		descriptor,
		relativePath: '',
		[Symbol.dispose]() {
			descriptor.close();
		},
	};
}
