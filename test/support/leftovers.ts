import {existsSync} from 'node:fs';
import {glob, readFile, readdir} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {DatabaseSync} from 'node:sqlite';
import type {ExecutionContext} from 'ava';
import {errorCode} from '../../src/kernel/errors.ts';

/** What builds have left behind; all lists are empty when nothing is. */
export type Leftovers = Readonly<Record<'processes' | 'mounts' | 'cgroups' | 'sessions' | 'unfinishedBlobs' | 'unfinishedSnapshots', readonly string[]>>;

/** How to look for what is left. */
export type LeftoverOptions = {
	/** Only cgroups of these sessions count: for tests that take so long that others are killed meanwhile. */
	readonly sessions?: ReadonlySet<string> | undefined;
};

/**
Asserts that builds with this store, the directory that `--root` names, are over without a trace; see `findLeftovers`.
*/
export async function assertNothingLeft(t: ExecutionContext, root: string, options: LeftoverOptions = {}): Promise<void> {
	const leftovers = await findLeftovers(root, options);
	t.deepEqual(Object.entries(leftovers).filter(([, found]) => found.length > 0), []);
}

/**
Looks for what builds with a store have left: mounts, processes, cgroups, sessions, temporary blobs, half-made snapshots.

Other tests build with other stores at the same time, so mounts and processes are told by the store's path. The name of a cgroup does not tell its store: one without a process counts as left when it does not go away.
*/
export async function findLeftovers(root: string, {sessions}: LeftoverOptions = {}): Promise<Leftovers> {
	return {
		processes: await findProcesses(root),
		mounts: await findMounts('self', root),
		cgroups: await findLastingCgroups(directory => sessions?.has(sessionOf(directory)) ?? true),
		sessions: await namesIn(path.join(root, 'sessions')),
		unfinishedBlobs: await findUnfinishedBlobs(path.join(root, 'content')),
		unfinishedSnapshots: await findUnfinishedSnapshots(root),
	};
}

/** Processes that were started with the store's path, or that see something of the store mounted. */
async function findProcesses(root: string): Promise<readonly string[]> {
	const found: string[] = [];
	for (const id of await namesIn('/proc')) {
		if (!/^\d+$/v.test(id) || Number(id) === process.pid) {
			continue;
		}

		const commandLine = await readIfThere(`/proc/${id}/cmdline`);
		const environment = await readIfThere(`/proc/${id}/environ`);
		const mounts = await findMounts(id, root);
		if (commandLine.includes(root) || environment.includes(root) || mounts.length > 0) {
			found.push(`${id} ${commandLine.replaceAll('\0', ' ')}`);
		}
	}

	return found;
}

async function findMounts(processId: string, root: string): Promise<readonly string[]> {
	const lines = await readIfThere(`/proc/${processId}/mountinfo`);
	return lines.split('\n').filter(line => line.includes(root));
}

// Those that were there before this process are of others, who may be killed and leave them.
const oldCgroups = findCgroups().then(directories => new Set(directories));

/** Its name is the session, which is a UUID, and a number. */
function sessionOf(cgroup: string): string {
	return path.basename(cgroup).replace(/-\d+$/v, '');
}

/** Groups without a process may be about to be filled or removed by another test: that takes milliseconds, on a machine that has nothing else to do. */
async function findLastingCgroups(isOurs: (directory: string) => boolean): Promise<readonly string[]> {
	const deadline = performance.now() + 60_000;
	const old = await oldCgroups;
	const found = await findEmptyCgroups();
	let left = found.filter(directory => !old.has(directory) && isOurs(directory));
	while (left.length > 0 && performance.now() < deadline) {
		const present = new Set(await findEmptyCgroups());
		left = left.filter(directory => present.has(directory));
	}

	return left;
}

/** Below the unified tree and below each controller of version 1, on any machine. */
async function findCgroups(): Promise<readonly string[]> {
	return Array.fromAsync(glob('/sys/fs/cgroup/{tsbuild,*/tsbuild}/*-*'));
}

async function findEmptyCgroups(): Promise<readonly string[]> {
	const empty: string[] = [];
	for (const directory of await findCgroups()) {
		const processes = await readIfThere(path.join(directory, 'cgroup.procs'));
		if (processes === '') {
			empty.push(directory);
		}
	}

	return empty;
}

async function findUnfinishedBlobs(content: string): Promise<readonly string[]> {
	const files = await namesIn(content, {recursive: true});
	const expected = /^(?:oci-layout|index\.json(?:\.lock)?|blobs|blobs\/sha(?:256|512)|blobs\/sha256\/[\da-f]{64}|blobs\/sha512\/[\da-f]{128})$/v;
	return files.filter(file => !expected.test(file));
}

/** Snapshots whose row says that they are active, and directories without a row. */
async function findUnfinishedSnapshots(root: string): Promise<readonly string[]> {
	const committed = await readCommittedSnapshots(root);
	const directories = await namesIn(path.join(root, 'snapshots'));
	return directories.filter(name => !committed.has(name));
}

async function readCommittedSnapshots(root: string): Promise<ReadonlySet<string>> {
	const file = path.join(root, 'metadata.db');
	if (!existsSync(file)) {
		return new Set();
	}

	using database = new DatabaseSync(file, {readOnly: true});
	const rows = database.prepare('SELECT id FROM snapshots WHERE state = \'committed\'').all();
	return new Set(rows.map(({id}) => String(id)));
}

async function namesIn(directory: string, options: {readonly recursive?: boolean} = {}): Promise<readonly string[]> {
	try {
		return await readdir(directory, options);
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return [];
		}

		throw error;
	}
}

/** Files of processes and cgroups go away at any moment. */
async function readIfThere(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		if (['ENOENT', 'ESRCH', 'ENODEV', 'EINVAL', 'EACCES'].includes(errorCode(error) ?? '')) {
			return '';
		}

		throw error;
	}
}
