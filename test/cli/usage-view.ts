import test from 'ava';
import {
	formatPrunedDetails,
	formatPrunedSum,
	formatPrunedTable,
	formatUsageDetails,
	formatUsageSums,
	formatUsageTable,
	usageJson,
} from '../../src/cli/usage-view.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';

// The expected texts are those of buildx, but for the ids.

const now = Date.UTC(2026, 10, 20, 19, 35, 52);

const record: UsageRecord = {
	id: '12',
	subject: {
		kind: 'snapshot', snapshot: 12 as SnapshotId, isCheckout: false, blobs: [],
	},
	parent: undefined,
	createdAt: now - 1426,
	lastUsedAt: now - 1200,
	usageCount: 1,
	description: '[2/3] COPY a.txt /x',
	isMutable: false,
	isInUse: false,
	isShared: false,
	size: 8290,
	isMeasured: true,
};

const child: UsageRecord = {
	...record,
	id: '13',
	parent: '12',
	isMutable: true,
	isInUse: true,
	size: 16_384,
};

test('disk usage is a table with sums', t => {
	t.is(formatUsageTable([record, child], now), `ID        RECLAIMABLE   SIZE      LAST ACCESSED
12        true          8.29kB    1 second ago
13*       false         16.38kB   1 second ago
`);
	t.is(formatUsageSums([record, child]), 'Reclaimable:\t8.29kB\nTotal:\t\t24.67kB\n');
	t.is(formatUsageTable([], now) + formatUsageSums([]), 'ID        RECLAIMABLE   SIZE      LAST ACCESSED\nReclaimable:\t0B\nTotal:\t\t0B\n');
});

test('what is part of an image is marked and summed up', t => {
	const shared = {...record, isShared: true};
	t.regex(formatUsageTable([shared], now), /^12 +true +8\.29kB\* +1 second ago$/mv);
	t.is(formatUsageSums([shared, record]), 'Shared:\t\t8.29kB\nPrivate:\t8.29kB\nReclaimable:\t16.58kB\nTotal:\t\t16.58kB\n');
});

test('disk usage in detail has a fact on each line', t => {
	t.is(formatUsageDetails([child], now), `ID:           13
Parents:
 - 12
Created at:   2026-11-20 19:35:50.574 +0000 UTC
Mutable:      true
Reclaimable:  false
Shared:       false
Size:         16.38kB
Description:  [2/3] COPY a.txt /x
Usage count:  1
Last used:    1 second ago
Type:         regular

`);
});

test('disk usage as JSON has the fields of buildx in their order', t => {
	t.deepEqual(Object.entries(usageJson(record, now)), [
		['CreatedAt', '2026-11-20 19:35:50.574 +0000 UTC'],
		['Description', '[2/3] COPY a.txt /x'],
		['ID', '12'],
		['LastUsedAt', '1 second ago'],
		['Mutable', false],
		['Parents', null],
		['Reclaimable', true],
		['Shared', false],
		['Size', '8.29kB'],
		['Type', 'regular'],
		['UsageCount', 1],
	]);
});

test('what was pruned is a list parted by tabs, with its sum', t => {
	const id = '12'.padEnd(40);
	t.is(formatPrunedTable([record], now), `ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED\n${id}\ttrue \t\t8.29kB    \t1 second ago\n`);
	t.is(formatPrunedSum([record]), 'Total:\t8.29kB\n');
	t.is(formatPrunedSum([]), 'Total:\t0B\n');
});

test('what was pruned in detail has a fact on each line', t => {
	t.is(formatPrunedDetails([{...child, isMutable: false, isInUse: false}], now), [
		'ID:\t\t13',
		'Parent:\t\t12',
		'Created at:\t2026-11-20 19:35:50.574 +0000 UTC',
		'Mutable:\tfalse',
		'Reclaimable:\ttrue',
		'Shared:\t\tfalse',
		'Size:\t\t16.38kB',
		'Description:\t[2/3] COPY a.txt /x',
		'Usage count:\t1',
		'Last used:\t1 second ago',
		'',
		'',
	].join('\n'));
});
