import type {UsageRecord} from './usage.ts';

/** What may be removed. */
export type RecordChoice = {
	/** Also what images consist of. */
	readonly canRemoveShared: boolean;
	readonly matches: (record: UsageRecord) => boolean;
};

/** What may go: not while a child stays. A child has a higher place in the list than its parent, here and in the result before it. */
export function chooseRecords(records: readonly UsageRecord[], choice: RecordChoice): readonly UsageRecord[] {
	const needed = new Set<string>();
	return records.toReversed().filter(record => {
		const isChosen = mayGo(record, choice) && !needed.has(record.id);
		if (!isChosen && record.parent !== undefined) {
			needed.add(record.parent);
		}

		return isChosen;
	});
}

/**
The least useful of what may go, until only `keptBytes` are left: what was used longest ago and the fewest times, by BuildKit's measure. Nothing goes while a child stays, however useful the child.

@see https://github.com/moby/buildkit/blob/v0.18.0/cache/manager.go (sortDeleteRecords)
*/
export function chooseLeastUseful(records: readonly UsageRecord[], {keptBytes, ...choice}: RecordChoice & {readonly keptBytes: number}): readonly UsageRecord[] {
	const children = new ChildCounts(records);
	const waiting = new Map<string, UsageRecord>();
	const chosen: UsageRecord[] = [];
	let left = records.reduce((sum, {size}) => sum + size, 0);
	const queue = [...byUsefulness(records.filter(record => mayGo(record, choice)))].toReversed();
	while (left > keptBytes && queue.length > 0) {
		const record = queue.pop()!;
		if (children.has(record)) {
			waiting.set(record.id, record);
			continue;
		}

		chosen.push(record);
		left -= record.size;
		children.remove(record);
		// Whoever had to wait for the last of its children is less useful than all that follow.
		const parent = record.parent === undefined ? undefined : waiting.get(record.parent);
		queue.push(...(parent === undefined ? [] : [parent]));
	}

	return chosen;
}

function mayGo(record: UsageRecord, {canRemoveShared, matches}: RecordChoice): boolean {
	return !record.isInUse && (canRemoveShared || !record.isShared) && matches(record);
}

class ChildCounts {
	readonly #counts = new Map<string, number>();

	constructor(records: readonly UsageRecord[]) {
		for (const {parent} of records) {
			if (parent !== undefined) {
				this.#counts.set(parent, (this.#counts.get(parent) ?? 0) + 1);
			}
		}
	}

	has({id}: UsageRecord): boolean {
		return (this.#counts.get(id) ?? 0) > 0;
	}

	remove({parent}: UsageRecord): void {
		if (parent !== undefined) {
			this.#counts.set(parent, this.#counts.get(parent)! - 1);
		}
	}
}

function byUsefulness(records: readonly UsageRecord[]): readonly UsageRecord[] {
	const age = relativeRanks(records.map(({lastUsedAt}) => lastUsedAt));
	const use = relativeRanks(records.map(({usageCount}) => usageCount));
	const usefulness = (record: UsageRecord) => age(record.lastUsedAt) + use(record.usageCount);
	return records.toSorted((left, right) => usefulness(left) - usefulness(right));
}

/** The place of a value among all different ones, from 0 to 1. */
function relativeRanks(values: readonly number[]): (value: number) => number {
	const different = [...new Set(values)].toSorted((left, right) => left - right);
	const ranks = new Map(different.map((value, rank) => [value, rank]));
	return value => ranks.get(value)! / Math.max(1, different.length - 1);
}
