import {
	closeSync,
	constants,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmdirSync,
	writeSync,
} from 'node:fs';
import {join} from 'node:path';
import process from 'node:process';
import {setTimeout} from 'node:timers/promises';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';

/*
The kernel answers for the files of cgroups at once and from memory, so these are the synchronous calls: a promise costs more than the call.
*/

/** How often killing and removing is tried, and the longest pause in between: about 5 s in all. */
const maximumAttempts = 60;
const longestPause = 100;

/**
Makes a group, which must not be there yet.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
*/
export function makeGroup(directory: string): void {
	try {
		mkdirSync(directory);
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to make cgroup ${directory}: ${errorCode(error)}`, {cause: error});
	}
}

/**
Writes a setting of a group.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
*/
export function writeSetting(directory: string, file: string, value: string): void {
	writeSettings(directory, file, [value]);
}

/**
Writes settings of a group that go into the same file, one write for each.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
*/
export function writeSettings(directory: string, file: string, values: readonly string[]): void {
	let descriptor: number | undefined;
	try {
		descriptor = openSync(join(directory, file), constants.O_WRONLY);
		for (const value of values) {
			writeSync(descriptor, value);
		}
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to set ${file} of cgroup ${directory} to ${values.join(', ')}: ${errorCode(error)}`, {cause: error});
	} finally {
		if (descriptor !== undefined) {
			closeSync(descriptor);
		}
	}
}

/** What a file of a group holds, or `undefined` when this kernel does not have the file. */
export function readText(directory: string, file: string): string | undefined {
	return readIfPresent(join(directory, file));
}

/** The number that a file of a group holds, or `undefined` when this kernel does not have the file. */
export function readNumber(directory: string, file: string): number | undefined {
	const text = readIfPresent(join(directory, file));
	return text === undefined ? undefined : Number(text);
}

/** The number after the word `key` at the start of a line, or `undefined` when this kernel does not tell it. */
export function readKeyedNumber(directory: string, file: string, key: string): number | undefined {
	const lines = readIfPresent(join(directory, file))?.split('\n') ?? [];
	const line = lines.find(candidate => candidate.startsWith(`${key} `));
	return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

/** Whether a counter is known and has counted. */
export function isPositive(count: number | undefined): boolean {
	return count !== undefined && count > 0;
}

/** The facts that are known. */
export function present<Facts extends Readonly<Record<string, number | undefined>>>(facts: Facts): {readonly [Name in keyof Facts]?: number} {
	return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {readonly [Name in keyof Facts]?: number};
}

/** The groups in a group, by name; none when it is gone. */
export function listGroups(directory: string): string[] {
	try {
		return readdirSync(directory, {withFileTypes: true}).filter(entry => entry.isDirectory()).map(({name}) => name);
	} catch (error) {
		if (isGone(error)) {
			return [];
		}

		throw error;
	}
}

/**
Ends all processes in groups and in the groups inside them, and waits until none is left.

@param directories all of one group, or of several
@param signalAll sends SIGKILL to the processes of one of the directories
@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when some do not end within 5 s
*/
export async function killGroups(directories: readonly string[], signalAll: (directory: string) => void): Promise<void> {
	for (let attempt = 0; attempt < maximumAttempts; attempt++) {
		const occupied = directories.filter(directory => hasProcesses(directory));
		if (occupied.length === 0) {
			return;
		}

		for (const directory of occupied) {
			signalAll(directory);
		}

		await pause(attempt);
	}

	throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to end the processes of cgroup ${directories.join(', ')}: they outlive SIGKILL`);
}

/**
Removes groups and the groups inside them; those that are gone are fine.

@param directories all of one group, or of several
@param kill ends the processes in them; called only when there are groups that cannot be removed at once
@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when one is still busy after 5 s
*/
export async function removeGroups(directories: readonly string[], kill: () => Promise<void>): Promise<void> {
	const busy = directories.filter(directory => !tryRemove(directory));
	if (busy.length === 0) {
		return;
	}

	await kill();
	for (const directory of busy) {
		await removeEmptyGroup(directory);
	}
}

async function removeEmptyGroup(directory: string): Promise<void> {
	for (let attempt = 0; attempt < maximumAttempts; attempt++) {
		for (const name of listGroups(directory)) {
			await removeEmptyGroup(join(directory, name));
		}

		if (tryRemove(directory)) {
			return;
		}

		// The kernel lets go of a group only after the last process has been torn down.
		await pause(attempt);
	}

	throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to remove cgroup ${directory}: it stays busy`);
}

/** Whether the group is gone now. */
function tryRemove(directory: string): boolean {
	try {
		rmdirSync(directory);
		return true;
	} catch (error) {
		if (isGone(error)) {
			return true;
		}

		if (errorCode(error) === 'EBUSY' || errorCode(error) === 'ENOTEMPTY') {
			return false;
		}

		throw error;
	}
}

/** Sends SIGKILL to each process in a group and in the groups inside it. */
export function signalProcesses(directory: string): void {
	for (const processId of listProcesses(directory)) {
		try {
			process.kill(processId, 'SIGKILL');
		} catch (error) {
			if (errorCode(error) !== 'ESRCH') {
				throw error;
			}
		}
	}

	for (const name of listGroups(directory)) {
		signalProcesses(join(directory, name));
	}
}

function hasProcesses(directory: string): boolean {
	return (readIfPresent(join(directory, 'cgroup.procs')) ?? '') !== ''
		|| listGroups(directory).some(name => hasProcesses(join(directory, name)));
}

function listProcesses(directory: string): number[] {
	const lines = readIfPresent(join(directory, 'cgroup.procs'))?.split('\n') ?? [];
	// A process of a PID namespace that this one cannot see is listed as 0, which `kill` takes for our own group.
	return lines.map(Number).filter(processId => processId > 0);
}

function readIfPresent(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		if (isGone(error)) {
			return undefined;
		}

		throw error;
	}
}

/** ENODEV is what reading a file gives whose group is removed while it is open. */
function isGone(error: unknown): boolean {
	return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENODEV';
}

async function pause(attempt: number): Promise<void> {
	await setTimeout(Math.min(2 ** attempt, longestPause));
}
