import {prune} from '../../snapshotter/prune.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';
import {ImageStore} from '../exporter/image-store.ts';
import type {GcRule} from './gc-policy.ts';

/**
Removes what the rules ask for, one after the other. What a running build uses, what other cache stands on, and images stay, as with `prune`.

@returns what was removed, measured
@throws {TsbuildError} `ERR_TSBUILD_PRUNE`; the reason of `signal`
*/
export async function collectGarbage(store: Store, rules: readonly GcRule[], {signal}: {readonly signal: AbortSignal}): Promise<readonly UsageRecord[]> {
	const removed: UsageRecord[] = [];
	for (const rule of rules) {
		removed.push(...await prune(store, {
			canRemoveShared: rule.canRemoveShared,
			matches: record => rule.concerns(record) && isOld(record, rule),
			limits: rule,
			signal,
		}));
	}

	await new ImageStore(store).updateIndex({signal});
	return removed;
}

function isOld({lastUsedAt}: UsageRecord, {keepDuration}: GcRule): boolean {
	return keepDuration === 0 || lastUsedAt <= Date.now() - keepDuration;
}
