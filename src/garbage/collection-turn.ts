import {statSync, utimesSync} from 'node:fs';
import path from 'node:path';
import {O_CREAT, O_RDWR} from '../linux/constants.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {tryLock} from '../linux/lock.ts';

// Often enough that a store does not grow far beyond its limits, and rarely enough that builds in a row do not notice.
const interval = 10 * 60 * 1000;

/** Whether garbage was not collected for ten minutes, in milliseconds since the epoch. It costs one or two system calls. A new store has nothing to collect. */
export function isCollectionDue(root: string, now: number): boolean {
	const last = statSync(turnFile(root), {throwIfNoEntry: false}) ?? statSync(path.join(root, 'format'), {throwIfNoEntry: false});
	return last !== undefined && now - last.mtimeMs >= interval;
}

/** Takes the turn to collect garbage in a store, until it is disposed; `undefined` when another process has it. */
export function takeCollectionTurn(root: string): Disposable | undefined {
	const lock = Descriptor.open(turnFile(root), O_RDWR | O_CREAT);
	if (!tryLock(lock, 'exclusive')) {
		lock.close();
		return undefined;
	}

	utimesSync(lock.path, new Date(), new Date());
	return lock;
}

// Its time says when garbage was last collected.
function turnFile(root: string): string {
	return path.join(root, 'garbage-collected');
}
