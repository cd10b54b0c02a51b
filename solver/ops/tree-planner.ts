import {Buffer} from 'node:buffer';
import {fstatSync, lstatSync, type BigIntStats} from 'node:fs';
import {posix} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {errorCode} from '../../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_RDONLY} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {
	pathIn,
	readFileAttributes,
	sortedNames,
	type FileAttributes,
} from '../../snapshotter/file-attributes.ts';
import type {SourceVisitor} from './changed-sources.ts';
import type {AttributeChanges} from './copy-attributes.ts';
import type {
	LayerPlan,
	PlannedDirectory,
	PlannedFile,
	PlannedPlace,
} from './layer-plan.ts';
import type {SourceDirectory} from './planned-content.ts';
import type {SourceFilter} from './source-filter.ts';
import {Unplannable} from './unplannable.ts';

/** How to plan. */
export type TreePlannerOptions = {
	readonly plan: LayerPlan;
	readonly changes: AttributeChanges;
	/** As for `TreeCopier`. */
	readonly keepsPassages: boolean;
	/** Told of every file and directory that is planned. */
	readonly visit: SourceVisitor;
	readonly signal: AbortSignal;
};

/** A directory that is copied. */
export type OpenSourceDirectory = SourceDirectory & Disposable & {
	/** Open for reading. */
	readonly descriptor: Descriptor;
	/** As the filter gets it. */
	readonly relativePath: string;
};

/** A directory at the destination, which is made when something is put into it. */
type Target = () => PlannedDirectory;

/** A file by its name in an open directory. */
type SourceFile = {readonly directory: OpenSourceDirectory; readonly name: Buffer};

// Other work of this process gets its turn after this many entries.
const entriesAtOnce = 200;

// https://man7.org/linux/man-pages/man7/inode.7.html
const ownerOnly = 0o700;

/**
Plans the copy of one source, as `TreeCopier` carries it out: files with several names keep them within it, sockets are left out.
*/
export class TreePlanner {
	readonly #options: TreePlannerOptions;
	/** What files with several names became, by device and inode. */
	readonly #linked = new Map<string, PlannedFile>();
	#entries = 0;

	constructor(options: TreePlannerOptions) {
		this.#options = options;
	}

	#pause(): Promise<void> | undefined {
		this.#options.signal.throwIfAborted();
		this.#entries++;
		return this.#entries % entriesAtOnce === 0 ? setImmediate() : undefined;
	}

	async #addEntries(source: OpenSourceDirectory, {target, filter}: {readonly target: Target; readonly filter: SourceFilter | undefined}): Promise<void> {
		const {visit} = this.#options;
		const names = sortedNames(source.descriptor);
		// Not before: what went in between would be missed.
		visit(source.relativePath, fstatSync(source.descriptor.number, {bigint: true}));
		for (const name of names) {
			await this.#pause();
			const status = statusOf({directory: source, name});
			const relativePath = posix.join(source.relativePath, name.toString());
			const verdict = filter?.(relativePath, status.isDirectory()) ?? 'included';
			if (verdict === 'excluded') {
				continue;
			}

			if (status.isDirectory()) {
				using directory = openMember(source, name, relativePath);
				await this.#addDirectory(directory, {
					name, target, filter, isIncluded: verdict === 'included',
				});
			} else {
				visit(relativePath, status);
				this.#addFile({directory: source, name}, status, {directory: target(), name});
			}
		}
	}

	async #addDirectory(source: OpenSourceDirectory, {name, target, filter, isIncluded}: {
		readonly name: Buffer;
		readonly target: Target;
		readonly filter: SourceFilter | undefined;
		readonly isIncluded: boolean;
	}): Promise<void> {
		const {plan, keepsPassages} = this.#options;
		const status = fstatSync(source.descriptor.number, {bigint: true});
		let made: PlannedDirectory | undefined;
		let isNew = false;
		const open = () => {
			if (made === undefined) {
				const place = {directory: target(), name};
				isNew = plan.directoryIn(place) === undefined;
				made = plan.openDirectory(place, {mode: ownerOnly, uid: 0, gid: 0});
			}

			return made;
		};

		if (isIncluded) {
			open();
		}

		await this.#addEntries(source, {target: open, filter});
		if (made === undefined) {
			return;
		}

		if (isIncluded || isNew || !keepsPassages) {
			plan.setAttributes(made, this.#changed(readFileAttributes(source.descriptor, dot, status)!));
		} else {
			plan.setMode(made, Number(status.mode) & 0o7777);
		}
	}

	#addFile({directory, name}: SourceFile, status: BigIntStats, place: PlannedPlace): void {
		const {plan} = this.#options;
		const identity = status.isFile() && status.nlink > 1n ? `${status.dev}:${status.ino}` : undefined;
		const linked = identity === undefined ? undefined : this.#linked.get(identity);
		const attributes = linked?.attributes ?? readFileAttributes(directory.descriptor, name, status);
		// A socket.
		if (attributes === undefined) {
			return;
		}

		if (attributes.type === 'character' && attributes.deviceMajor === 0 && attributes.deviceMinor === 0) {
			throw new Unplannable('a device that overlayfs takes for a whiteout');
		}

		const file = linked ?? {
			kind: 'file', attributes: this.#changed(attributes), content: status.isFile() ? {directory, name, status} : undefined,
		};
		plan.putFile(place, file);
		if (identity !== undefined) {
			this.#linked.set(identity, file);
		}
	}

	#changed(attributes: FileAttributes): FileAttributes {
		const {owner, mode} = this.#options.changes;
		const isDirectory = attributes.type === 'directory';
		return {
			...attributes,
			...owner,
			...(attributes.type !== 'symlink' && mode !== undefined && {mode: mode({mode: attributes.mode, isDirectory})}),
		};
	}

	/** Adds the entries of a directory to another. The other keeps its own attributes but for its time. */
	async addContents(source: OpenSourceDirectory, contents: {readonly target: Target; readonly filter: SourceFilter | undefined}): Promise<void> {
		const {mtimeNs} = fstatSync(source.descriptor.number, {bigint: true});
		const target = contents.target();
		await this.#addEntries(source, {...contents, target: () => target});
		this.#options.plan.setTime(target, mtimeNs);
	}

	/** Adds one file that is no directory, in a place. */
	addFile(source: SourceFile, place: PlannedPlace): void {
		const status = statusOf(source);
		this.#options.visit('', status);
		this.#addFile(source, status, place);
	}
}

const dot = Buffer.from('.');

function statusOf({directory, name}: SourceFile): BigIntStats {
	const status = lstatSync(pathIn(directory.descriptor, name), {bigint: true, throwIfNoEntry: false});
	if (status === undefined) {
		throw new Unplannable('a source that has gone');
	}

	return status;
}

function openMember({root, path, descriptor: parent}: OpenSourceDirectory, name: Buffer, relativePath: string): OpenSourceDirectory {
	const descriptor = openDirectoryOf(parent, name);
	return {
		root,
		path: Buffer.concat([path, Buffer.from(path.length === 0 ? '' : '/'), name]),
		descriptor,
		relativePath,
		[Symbol.dispose]() {
			descriptor.close();
		},
	};
}

function openDirectoryOf(parent: Descriptor, name: Buffer): Descriptor {
	try {
		return openFile(parent, name, {flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW});
	} catch (error) {
		if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) {
			throw new Unplannable('a source directory that has gone', {cause: error});
		}

		throw error;
	}
}
