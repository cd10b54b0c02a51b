import {TsbuildError} from '../kernel/errors.ts';
import {freeSpace} from '../../snapshotter/disk-space.ts';
import {KeyedLock} from '../../snapshotter/keyed-lock.ts';
import {prune} from '../../snapshotter/prune.ts';
import {snapshotDirectories} from '../../snapshotter/snapshot-directories.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import {treeSize} from '../../snapshotter/tree-size.ts';
import {listUsage, measureSnapshots} from '../../snapshotter/usage.ts';
import {listEverything} from '../../snapshotter/whole-usage.ts';

/** What was measured, in bytes. */
type Measurement = {
	/** All that is in the store. */
	readonly used: number;
	/** What the disk had left at that time. */
	readonly free: number;
};

// More than has to go, so that the next write does not ask for more at once.
const headroom = 0.1;

/**
Keeps a store below a number of bytes: whoever is about to write asks first. As long as the disk has not lost more than there is room for since the store was measured, that is one system call. Else the store is measured again, and the least useful cache goes.
*/
export class SpaceGuard {
	readonly #store: Store;
	/** Bytes. */
	readonly #limit: number;
	readonly #turn = new KeyedLock<'measure'>();
	#last: Measurement | undefined;

	constructor(store: Store, limit: number) {
		this.#store = store;
		this.#limit = limit;
	}

	// What others write to the disk meanwhile counts too: it only leads to measuring again.
	#hasRoom(size: number): boolean {
		return this.#last !== undefined && this.#fits(this.#last.used + Math.max(0, this.#last.free - freeSpace(this.#store.root)) + size);
	}

	#fits(used: number): boolean {
		return used <= this.#limit;
	}

	/**
	Makes room for so many bytes.

	@throws {TsbuildError} `ERR_TSBUILD_STORE_FULL` when what may not be removed takes too much already
	*/
	async makeRoom(size: number): Promise<void> {
		using _turn = await this.#turn.acquire('measure');
		if (this.#hasRoom(size)) {
			return;
		}

		this.#last = await measure(this.#store);
		if (!this.#fits(this.#last.used + size)) {
			await removeCache(this.#store, this.#last.used + size - (this.#limit * (1 - headroom)));
			this.#last = await measure(this.#store);
		}

		if (!this.#fits(this.#last.used + size)) {
			throw new TsbuildError('ERR_TSBUILD_STORE_FULL', `failed to write to store ${this.#store.root}: it has ${this.#last.used} bytes, and TSBUILD_STORE_LIMIT is ${this.#limit}`, {
				hint: 'Remove images with \'tsbuild rmi\', or raise the limit.',
			});
		}
	}
}

async function measure(store: Store): Promise<Measurement> {
	const free = freeSpace(store.root);
	await measureSnapshots(store, {signal: AbortSignal.timeout(hour)});
	const records = store.metadata.transaction(() => listEverything(store));
	const active = records.filter(({subject, isMutable}) => subject.kind === 'snapshot' && isMutable).map(({id}) => treeSize(snapshotDirectories(store.root, Number(id) as SnapshotId).directory));
	return {used: [...records.map(({size}) => size), ...active].reduce((sum, size) => sum + size, 0), free};
}

// Longer than it takes to measure any store.
const hour = 3600 * 1000;

async function removeCache(store: Store, excess: number): Promise<void> {
	const cache = store.metadata.transaction(() => listUsage(store)).reduce((sum, {size}) => sum + size, 0);
	await prune(store, {
		canRemoveShared: true,
		matches: () => true,
		// At least 1: 0 is no limit.
		limits: {maxUsedSpace: Math.max(1, cache - excess), reservedSpace: 0, minFreeSpace: 0},
		signal: AbortSignal.timeout(hour),
	});
}
