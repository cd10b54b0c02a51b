import {Buffer} from 'node:buffer';
import {nameBytes} from '../../src/linux/name.ts';
import type {FileAttributes} from '../../snapshotter/file-attributes.ts';
import {haveSameAttributes, layerEntry, layerLinkEntry} from '../../snapshotter/layer-entry.ts';
import type {PackedTimes} from '../../snapshotter/packed-times.ts';
import type {TarMember} from '../../snapshotter/tar-writer.ts';
import type {LayerPlan, PlannedDirectory, PlannedFile} from './layer-plan.ts';
import {PlannedContentReader} from './planned-content.ts';
import {Unplannable} from './unplannable.ts';

const nanosecondsPerSecond = 1_000_000_000n;

/** A directory that the walk is in. */
type Level = {
	readonly directory: PlannedDirectory;
	/** Still to come, the next one last. */
	readonly names: string[];
	isWritten: boolean;
};

/**
The members of the layer that a plan makes: those, and in the order, that `layerTar` gives for a directory with these changes. Files are read when it is their turn. `times` takes the exact time of each member.

@yields each directory before what is in it
@throws {Unplannable} for a file that may be the same as the one below, or that has changed since it was planned
*/
export function * planMembers(plan: LayerPlan, {times, signal}: {readonly times: PackedTimes; readonly signal: AbortSignal}): Generator<TarMember> {
	using reader = new PlannedContentReader();
	const firstNames = new Map<PlannedFile, Buffer>();
	const levels = [levelOf(plan.root, {isWritten: true})];
	for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
		const key = level.names.pop();
		if (key === undefined) {
			levels.pop();
			continue;
		}

		signal.throwIfAborted();
		const name = Buffer.from(key, 'latin1');
		const member = level.directory.members.get(key)!;
		if (member.kind === 'directory') {
			levels.push(levelOf(member, {isWritten: false}));
			if (member.below === undefined || !haveSameAttributes(member.attributes, member.below)) {
				yield * takeUnwritten(levels, times);
			}
		} else if (!isUnchanged(member, plan.below(level.directory, name))) {
			yield * takeUnwritten(levels, times);
			times.add(member.attributes.mtimeNanoseconds);
			yield memberOf(member, Buffer.concat([level.directory.path, name]), {firstNames, reader});
		}
	}
}

function levelOf(directory: PlannedDirectory, {isWritten}: {readonly isWritten: boolean}): Level {
	// In the order of their bytes, which these strings have too.
	return {directory, names: directory.members.keys().toArray().toSorted().toReversed(), isWritten};
}

function * takeUnwritten(levels: readonly Level[], times: PackedTimes): Generator<TarMember> {
	for (const level of levels) {
		if (level.isWritten) {
			continue;
		}

		level.isWritten = true;
		times.add(level.directory.attributes.mtimeNanoseconds);
		yield {entry: layerEntry(level.directory.path, level.directory.attributes)};
	}
}

function memberOf(file: PlannedFile, path: Buffer, {firstNames, reader}: {readonly firstNames: Map<PlannedFile, Buffer>; readonly reader: PlannedContentReader}): TarMember {
	const firstName = firstNames.get(file);
	if (firstName !== undefined) {
		return {entry: layerLinkEntry(path, firstName, file.attributes)};
	}

	firstNames.set(file, path);
	const entry = layerEntry(path, file.attributes);
	return file.content === undefined || file.content.status.size === 0n ? {entry} : {entry, content: reader.read(file.content)};
}

/** Files with the same time to the nanosecond are the same. Where that is a whole second, the content decides. */
function isUnchanged({attributes, content}: PlannedFile, below: ReturnType<LayerPlan['below']>): boolean {
	if (below === undefined || !haveSameAttributes(attributes, below.attributes) || !haveSameTimeAndTarget(attributes, below.attributes)) {
		return false;
	}

	const isCertain = content === undefined || attributes.mtimeNanoseconds % nanosecondsPerSecond !== 0n;
	if (!isCertain || (content !== undefined && content.status.nlink > 1n)) {
		throw new Unplannable('a file that may be there already');
	}

	return true;
}

function haveSameTimeAndTarget(first: FileAttributes, second: FileAttributes): boolean {
	return first.mtimeNanoseconds === second.mtimeNanoseconds && Buffer.compare(nameBytes(first.linkTarget), nameBytes(second.linkTarget)) === 0;
}
