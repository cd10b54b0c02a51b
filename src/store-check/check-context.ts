import {readdirSync} from 'node:fs';
import type {Digest} from '../kernel/digest.ts';
import {sessionsDirectory, takeSessionLock} from '../../snapshotter/session.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CheckCounts} from './problem.ts';

/** What the parts of a check work with. */
export type CheckContext = {
	readonly store: Store;
	readonly counts: CheckCounts;
	/** Blobs that are not what they should be. */
	readonly damagedBlobs: ReadonlySet<Digest>;
	/** The other sessions that lived when the check began. */
	readonly others: ReadonlySet<string>;
	/** Whether there are any: what they have just begun may look unfinished. */
	readonly isShared: boolean;
	readonly signal: AbortSignal;
};

/** The sessions besides `ownSession` whose processes live. */
export function livingSessions(root: string, ownSession: string | undefined): readonly string[] {
	return readdirSync(sessionsDirectory(root)).filter(id => id !== ownSession && isAlive(root, id));
}

function isAlive(root: string, id: string): boolean {
	try {
		using lock = takeSessionLock(root, id, {create: false});
		return lock === undefined;
	} catch {
		return true;
	}
}
