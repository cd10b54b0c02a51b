import {randomUUID} from 'node:crypto';
import {existsSync, fstatSync, mkdirSync} from 'node:fs';
import {readdir, rm, rmdir} from 'node:fs/promises';
import path from 'node:path';
import {errorCode} from '../src/kernel/errors.ts';
import {O_CREAT, O_RDWR} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {tryLock} from '../src/linux/lock.ts';
import type {Metadata} from './metadata.ts';
import {removeTree} from './remove-tree.ts';
import {snapshotDirectories} from './snapshot-directories.ts';
import type {SnapshotId} from './snapshotter.ts';

/** Where sessions leave their traces. */
export type SessionPlace = {
	/** The root directory of the store. */
	readonly root: string;
	readonly metadata: Metadata;
};

// A sweep can take a new folder for a dead one only in the instant before it is locked.
const maximumAttempts = 100;

/**
One process that uses a store, or one build in it. What it has not finished carries its id: active snapshots, leases, temporary files, the names of its cgroups.

It lives as long as its lock is held, and a SIGKILL ends that too. Process ids would not do: two builds without root may both be process 1.
*/
export class Session implements AsyncDisposable {
	readonly #place: SessionPlace;
	readonly #lock: Descriptor;
	/** A random UUID. */
	readonly id: string;
	/** `sessions/<id>` in the store; for temporary files. */
	readonly directory: string;

	constructor(place: SessionPlace, id: string, lock: Descriptor) {
		this.#place = place;
		this.#lock = lock;
		this.id = id;
		this.directory = sessionDirectory(place.root, id);
	}

	/** A new path on the file system of the store. What is there at the end of the session is removed. */
	temporaryFile(): string {
		return path.join(this.directory, randomUUID());
	}

	/** Removes everything that the session has not finished, and its folder. */
	async [Symbol.asyncDispose](): Promise<void> {
		using _lock = this.#lock;
		await removeSession(this.#place, this.id);
	}
}

/** The folder of all sessions in a store. */
export function sessionsDirectory(root: string): string {
	return path.join(root, 'sessions');
}

/** Starts a session: makes its folder and takes its lock. */
export function openSession(place: SessionPlace): Session {
	for (let attempt = 0; attempt < maximumAttempts; attempt++) {
		const id = randomUUID();
		mkdirSync(sessionDirectory(place.root, id));
		const lock = takeSessionLock(place.root, id, {create: true});
		if (lock !== undefined) {
			return new Session(place, id, lock);
		}
	}

	throw new Error('failed to open session: every new folder was swept away at once');
}

/**
Takes the lock of a session.

@returns `undefined` when somebody holds it, or when there is no such session (any more)
*/
export function takeSessionLock(root: string, id: string, {create}: {readonly create: boolean}): Descriptor | undefined {
	const lock = openIfThere(path.join(sessionDirectory(root, id), 'lock'), O_RDWR | (create ? O_CREAT : 0));
	// Between opening and locking, another process may have removed the session: then the lock is one of a nameless file.
	if (lock !== undefined && tryLock(lock, 'exclusive') && fstatSync(lock.number).nlink > 0) {
		return lock;
	}

	lock?.close();
	return undefined;
}

/**
Removes what a session left behind. The caller holds its lock, until the end: as long as something is left, the folder and the lock file are left too, and another sweep goes on.
*/
export async function removeSession(place: SessionPlace, id: string): Promise<void> {
	await removeUnfinished(place, id);
	const directory = sessionDirectory(place.root, id);
	for (const name of await readdir(directory)) {
		if (name !== 'lock') {
			await removeTree(path.join(directory, name));
		}
	}

	await rm(path.join(directory, 'lock'), {force: true});
	// From here on a sweep may be quicker.
	await removeSessionFolderIfEmpty(place.root, id);
}

/** Removes the folder of a session that has no lock file; tells whether it did. That of a living session is never empty. */
export async function removeSessionFolderIfEmpty(root: string, id: string): Promise<boolean> {
	try {
		await rmdir(sessionDirectory(root, id));
		return true;
	} catch (error) {
		if (['ENOENT', 'ENOTEMPTY', 'ENOTDIR'].includes(errorCode(error) ?? '')) {
			return false;
		}

		throw error;
	}
}

/** Whether files have been put into the folder of a session after it had removed its lock. A session that begins makes its lock first. */
export function isSessionWithoutLock(root: string, id: string): boolean {
	const directory = sessionDirectory(root, id);
	return !existsSync(path.join(directory, 'lock')) && existsSync(directory);
}

/** Removes the active snapshots and the leases of a session. */
export async function removeUnfinished({root, metadata}: SessionPlace, id: string): Promise<void> {
	const rows = metadata.statement('SELECT id FROM snapshots WHERE session = ?').all(id);
	const isForgotten = tryForget(metadata, id);
	for (const row of rows) {
		await removeTree(snapshotDirectories(root, row.id as SnapshotId).directory);
	}

	// Where the disk was full, there is room for the change only now.
	if (!isForgotten) {
		forget(metadata, id);
	}
}

function tryForget(metadata: Metadata, id: string): boolean {
	try {
		forget(metadata, id);
		return true;
	} catch {
		return false;
	}
}

function forget(metadata: Metadata, id: string): void {
	metadata.transaction(() => {
		metadata.statement('DELETE FROM snapshots WHERE session = ?').run(id);
		metadata.statement('DELETE FROM leases WHERE session = ?').run(id);
	});
}

function sessionDirectory(root: string, id: string): string {
	return path.join(sessionsDirectory(root), id);
}

function openIfThere(file: string, flags: number): Descriptor | undefined {
	try {
		return Descriptor.open(file, flags);
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return undefined;
		}

		throw error;
	}
}
