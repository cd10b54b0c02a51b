import test from 'ava';
import {readKeepDuration, readUsageFilter} from '../../src/cli/usage-filter.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';

const day = 24 * 3600 * 1000;

const record: UsageRecord = {
	id: '12',
	subject: {
		kind: 'snapshot', snapshot: 12 as SnapshotId, isCheckout: false, blobs: [],
	},
	parent: '11',
	createdAt: 0,
	lastUsedAt: 0,
	usageCount: 1,
	description: '[2/3] RUN make',
	isMutable: false,
	isInUse: true,
	isShared: false,
	size: 1,
	isMeasured: true,
};

const matches = test.macro({
	exec(t, values: readonly string[], isExpected: boolean) {
		t.is(readUsageFilter(values, day)(record), isExpected);
	},
	title: (_, values: readonly string[], isExpected: boolean) => `${values.length === 0 ? 'no filter' : values.join(' and ')} ${isExpected ? 'holds' : 'does not hold'}`,
});

test(matches, [], true);
test(matches, ['until=24h'], true);
test(matches, ['until=24h0.001s'], false);
test(matches, ['id=12'], true);
test(matches, ['id=1'], false);
test(matches, ['id==12'], true);
test(matches, ['ID = 12'], true);
test(matches, ['id!=12'], false);
test(matches, ['id!=1'], true);
test(matches, ['id~=^1'], true);
test(matches, ['id~=^2'], false);
test(matches, ['type!=exec.cachemount'], true);
test(matches, ['type~=exec|source'], false);
test(matches, [String.raw`description~=^\[\d/3\] RUN`], true);
test(matches, ['description!=[2/3] RUN make'], false);
test(matches, ['unused-for=24h'], true);
test(matches, ['type=regular'], true);
test(matches, ['type=nope'], false);
test(matches, ['parents=11'], true);
test(matches, ['description=make'], true);
test(matches, ['inuse'], true);
test(matches, ['inuse=false'], false);
test(matches, ['inuse!=false'], true);
test(matches, ['mutable==false'], true);
test(matches, ['type=source.git.checkout'], false);
test(matches, ['immutable', 'private', 'until=1h'], true);
test(matches, ['immutable', 'shared'], false);

const fails = test.macro({
	exec(t, value: string, message: string) {
		t.throws(() => readUsageFilter([value], day), {code: 'ERR_TSBUILD_USAGE', message: `invalid argument ${JSON.stringify(value)} for "--filter" flag: ${message}`});
	},
	title: (_, value: string) => `the filter ${JSON.stringify(value)} is refused`,
});

test(fails, 'bad', 'bad format of filter (expected name=value)');
test(fails, 'until=yesterday', '"until" filter expects a duration (e.g., \'24h\'): time: invalid duration "yesterday"');
test(fails, 'shared=maybe', 'expected true or false');
test(fails, 'shared~=true', 'expected true or false');
test(fails, 'unused-for!=1h', '"unused-for" filter expects =');
test(fails, 'id~=[', 'Invalid regular expression: /[/v: Unterminated character class');

test('--keep-duration chooses what was not used for so long', t => {
	t.true(readKeepDuration(undefined, day)(record));
	t.true(readKeepDuration('24h', day)(record));
	t.false(readKeepDuration('25h', day)(record));
	t.throws(() => readKeepDuration('1x', day), {code: 'ERR_TSBUILD_USAGE', message: 'invalid argument "1x" for "--keep-duration" flag: time: unknown unit "x" in duration "1x"'});
});

test('a record is not older than two ages', t => {
	t.throws(() => readUsageFilter(['until=1h', 'unused-for=2h'], day), {code: 'ERR_TSBUILD_USAGE', message: /filters expect only one value/v});
});

test('files of a git repository have a type of their own', t => {
	const checkout: UsageRecord = {
		...record,
		subject: {
			kind: 'snapshot', snapshot: 12 as SnapshotId, isCheckout: true, blobs: [],
		},
	};
	t.true(readUsageFilter(['type=source.git.checkout'], day)(checkout));
	t.false(readUsageFilter(['type=regular'], day)(checkout));
});
test(matches, ['nope=1'], false);
test(matches, ['nope!=1'], true);
test(matches, ['__proto__=1'], false);
