import fastCheck from 'fast-check';
import test from 'ava';
import {chooseLeastUseful, chooseRecords} from '../../snapshotter/choose-records.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';

function record(id: number, facts: Partial<UsageRecord> = {}): UsageRecord {
	return {
		id: String(id),
		subject: {
			kind: 'snapshot', snapshot: id as SnapshotId, isCheckout: false, blobs: [],
		},
		parent: undefined,
		createdAt: id,
		lastUsedAt: id,
		usageCount: 1,
		description: '',
		isMutable: false,
		isInUse: false,
		isShared: false,
		size: 10,
		isMeasured: true,
		...facts,
	};
}

const anything = {canRemoveShared: true, matches: () => true};

function idsOf(records: readonly UsageRecord[]): readonly string[] {
	return records.map(({id}) => id);
}

test('what was used longest ago goes first, and no more than has to', t => {
	const records = [record(1, {lastUsedAt: 5}), record(2), record(3), record(4)];
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 20})), ['2', '3']);
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 40})), []);
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 0})), ['2', '3', '4', '1']);
});

test('what was used often stays longer', t => {
	const records = [record(1, {usageCount: 9}), record(2), record(3)];
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 20})), ['2']);
});

test('what something useful stands on stays, and goes right after it', t => {
	const records = [record(1), record(2), record(3, {parent: '1', lastUsedAt: 9}), record(4, {lastUsedAt: 10})];
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 0})), ['2', '3', '1', '4']);
});

test('what is in use counts, but does not go', t => {
	const records = [record(1, {isInUse: true, size: 100}), record(2), record(3)];
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 110})), ['2']);
	t.deepEqual(idsOf(chooseLeastUseful(records, {...anything, keptBytes: 0})), ['2', '3']);
});

/** Parents before their children; what is in use is so from the top down. */
const forests = fastCheck.array(fastCheck.record({
	parent: fastCheck.nat(30),
	lastUsedAt: fastCheck.nat(5),
	usageCount: fastCheck.integer({min: 1, max: 3}),
	isShared: fastCheck.boolean(),
	size: fastCheck.nat(20),
}), {maxLength: 30}).map(facts => facts.map(({parent, ...others}, place) => record(place + 1, {
	...others, parent: parent === 0 || parent > place ? undefined : String(parent),
})));

test('however much may stay, nothing loses what it stands on, and no less goes than can', t => {
	fastCheck.assert(fastCheck.property(forests, fastCheck.nat(300), fastCheck.boolean(), (records, keptBytes, canRemoveShared) => {
		const choice = {...anything, canRemoveShared};
		const chosen = chooseLeastUseful(records, {...choice, keptBytes});
		const gone = new Set(idsOf(chosen));
		const kept = records.filter(({id}) => !gone.has(id));
		t.true(kept.every(({parent}) => parent === undefined || !gone.has(parent)));
		t.is(gone.size, chosen.length);
		const most = chooseRecords(records, choice);
		t.true(idsOf(most).length >= gone.size && [...gone].every(id => idsOf(most).includes(id)));
		const left = kept.reduce((sum, {size}) => sum + size, 0);
		t.true(left <= keptBytes || most.length === gone.size);
		// Without the last one, too much would have been left.
		t.true(chosen.length === 0 || left + chosen.at(-1)!.size > keptBytes);
	}));
});
