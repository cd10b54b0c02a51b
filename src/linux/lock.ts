import {setTimeout} from 'node:timers/promises';
import {
	LOCK_EX,
	LOCK_NB,
	LOCK_SH,
	LOCK_UN,
} from './constants.ts';
import {descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';

/**
Many can hold a shared lock, only one an exclusive lock, and never both at a time.
*/
export type LockKind = 'exclusive' | 'shared';

// A waiting process asks rarely enough to cost nothing and often enough to go unnoticed by a person.
const firstPause = 25;
const longestPause = 250;

/**
Locks an open file unless others hold it. The lock belongs to the open file, with all its duplicates, and ends with it, also by SIGKILL. Locking again with another kind changes the kind (not atomically).

@returns whether the lock is held now
@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/flock.2.html
*/
export function tryLock(file: BorrowedDescriptor, kind: LockKind): boolean {
	const operation = kind === 'exclusive' ? LOCK_EX : LOCK_SH;
	const result = libc().flock(descriptorNumber(file), operation | LOCK_NB);
	if (hasFailedWith(result, 'EWOULDBLOCK')) {
		return false;
	}

	check(result, 'flock', {action: `take ${kind} lock`});
	return true;
}

/**
Like `tryLock`, but waits for the others. It asks again and again, because a blocking call would stop this whole process.

@throws {LinuxError}; the reason of `signal`
*/
export async function lock(file: BorrowedDescriptor, kind: LockKind, {signal}: {readonly signal?: AbortSignal} = {}): Promise<void> {
	signal?.throwIfAborted();
	for (let pause = firstPause; !tryLock(file, kind); pause = Math.min(pause * 2, longestPause)) {
		await sleep(pause, signal);
	}
}

/**
Gives the lock back; without a lock it does nothing.

@throws {LinuxError}
*/
export function unlock(file: BorrowedDescriptor): void {
	check(libc().flock(descriptorNumber(file), LOCK_UN), 'flock', {action: 'unlock'});
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	try {
		await setTimeout(milliseconds, undefined, signal && {signal});
	} catch (error) {
		signal?.throwIfAborted();
		throw error;
	}
}
