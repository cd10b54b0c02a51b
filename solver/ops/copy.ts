import {Buffer} from 'node:buffer';
import type {CopyAction} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {NewDirectory} from '../../src/linux/make-directories.ts';
import {fileChanged, isSameState} from '../../snapshotter/hash-file.ts';
import {changeDetector, type OnChangedSource} from './changed-sources.ts';
import {changesOf, type AttributeChanges, type CopySource} from './copy-attributes.ts';
import {openSource, selectSources, type SelectedSource} from './copy-selection.ts';
import {
	findDestination,
	makeDirectories,
	openDirectory,
	placeIn,
	statPlace,
	type Place,
} from './destination.ts';
import {newDirectoryMode, parseMode} from './mode.ts';
import {newDirectoryOf, type Owner} from './owner.ts';
import type {SourceTree} from './source-tree.ts';
import {TreeCopier} from './tree-copier.ts';

/** What a copy works with. */
export type CopyContext = {
	/** Written to. */
	readonly root: Descriptor;
	readonly tree: SourceTree;
	/** The owner that was asked for. */
	readonly owner: Owner | undefined;
	readonly onChangedSource: OnChangedSource;
	readonly signal: AbortSignal;
};

type Copying = CopyContext & {
	readonly action: CopyAction;
	readonly changes: AttributeChanges;
	/** What directories on the way to the destination are like. */
	readonly newDirectory: NewDirectory;
};

/**
Copies files into a root as COPY does.

@throws {TsbuildError} `ERR_TSBUILD_SOURCE_NOT_FOUND`, `ERR_TSBUILD_PATTERN`, `ERR_TSBUILD_MODE`, `ERR_TSBUILD_FILE`, `ERR_TSBUILD_ARCHIVE`, `ERR_TSBUILD_DECOMPRESSOR`
@throws {LinuxError} or a system error of Node, such as `ENOSPC`; the reason of `signal`
@see https://docs.docker.com/reference/dockerfile/#copy
*/
export async function copy(action: CopyAction, context: CopyContext): Promise<void> {
	const {tree, owner} = context;
	const mode = action.mode === undefined ? undefined : parseMode(action.mode);
	const copying: Copying = {
		...context,
		action,
		changes: changesOf({owner, mode, isLocal: tree.isLocal}),
		newDirectory: newDirectoryOf(owner, newDirectoryMode(action.mode)),
	};
	for (const source of selectSources(action, tree)) {
		await copySource(source, copying);
	}
}

async function copySource(selected: SelectedSource, copying: Copying): Promise<void> {
	const {root, tree, action, newDirectory} = copying;
	const {destination} = action;
	using opened = new DisposableStack();
	const source = openSource(selected, tree);
	opened.use(source.file);
	if (action.attemptUnpack && await unpackSource(selected, source, copying)) {
		return;
	}

	if (destination.endsWith('/') || destination.endsWith('/.')) {
		makeDirectories(root, destination, newDirectory).close();
	}

	const place = findDestination(root, withoutTrailingSlash(destination), newDirectory);
	opened.use(place.directory);
	// One for each match of a wildcard: names of one file below two of them become two files, of which the second may replace the first.
	const copier = createCopier(selected, copying);
	if (source.status.isDirectory() && (action.directoryContentsOnly || action.keepParents)) {
		const target = statPlace(place) === undefined ? makeDirectories(root, place.path, newDirectory) : openDirectory(place);
		await copier.copyContents(source, {directory: opened.use(target), path: place.path}, selected.filter);
	} else {
		await copier.copy(source, intoDirectory(place, selected, opened), selected.filter);
	}
}

async function unpackSource({path}: SelectedSource, source: CopySource, copying: Copying): Promise<boolean> {
	const {root, tree, action, owner, onChangedSource, signal} = copying;
	const visit = changeDetector(tree, path, onChangedSource);
	const {unpackArchive} = await import('./unpack-archive.ts');
	return unpackArchive(source, {
		name: path,
		root,
		destination: action.destination,
		owner,
		visit(status) {
			// What was read before and after the change makes no archive.
			if (!isSameState(source.status, status)) {
				throw fileChanged(path);
			}

			visit('', status);
		},
		signal,
	});
}

function createCopier({path}: SelectedSource, {root, tree, action, changes, onChangedSource, signal}: Copying): TreeCopier {
	return new TreeCopier({
		root,
		name: path,
		changes,
		keepsPassages: hasPassages(action),
		visit: changeDetector(tree, path, onChangedSource),
		signal,
	});
}

/** Whether an action itself, not only `.dockerignore`, may take something of a directory and not the directory. */
export function hasPassages({include, exclude}: CopyAction): boolean {
	return include.length > 0 || exclude.length > 0;
}

/** What is copied to a directory goes into it, under its own name. */
function intoDirectory(place: Place, {name}: SelectedSource, opened: DisposableStack): Place {
	return statPlace(place)?.isDirectory() === true ? placeIn(opened.use(openDirectory(place)), place.path, name) : place;
}

/** A destination without the slash that says that it is a directory. */
export function withoutTrailingSlash(path: string): Buffer {
	return Buffer.from(path === '/' ? path : path.replace(/\/\.?$/v, ''));
}
