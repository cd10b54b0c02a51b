import os from 'node:os';
import test from 'ava';
import {isCollectionWanted, readLimits, readStoreLimit} from '../../src/garbage/gc-settings.ts';
import {defaultLimits} from '../../src/garbage/gc-policy.ts';

const gigabyte = 1e9;

const defaults = test.macro({
	exec(t, size: number, expected: ReturnType<typeof defaultLimits>) {
		t.deepEqual(defaultLimits(size), expected);
	},
	title: (_, size: number) => `the limits of a disk of ${size / gigabyte} GB are BuildKit's`,
});

test(defaults, 50 * gigabyte, {reservedSpace: 5 * gigabyte, maxUsedSpace: 40 * gigabyte, minFreeSpace: 10 * gigabyte});
test(defaults, 1000 * gigabyte, {reservedSpace: 10 * gigabyte, maxUsedSpace: 100 * gigabyte, minFreeSpace: 200 * gigabyte});

const reads = test.macro({
	exec(t, text: string, expected: number | undefined) {
		t.is(readStoreLimit({TSBUILD_STORE_LIMIT: text}, () => 1000), expected);
	},
	title: (_, text: string, expected: number | undefined) => `${JSON.stringify(text)} is ${expected === undefined ? 'no limit' : `a limit of ${expected} bytes`}`,
});

test(reads, '', undefined);
test(reads, '0', undefined);
test(reads, '512', 512);
test(reads, '2kb', 2048);
test(reads, '2 KiB', 2048);
test(reads, '1.5m', 1_572_864);
test(reads, '1t', 1024 ** 4);
test(reads, '10%', 100);

for (const text of ['x', '-1', '1x', '%', '1e3', '10%%', '1 0', '99999999999t']) {
	test(`${JSON.stringify(text)} is refused as a limit`, t => {
		t.throws(() => readStoreLimit({TSBUILD_STORE_LIMIT: text}, () => 1000), {code: 'ERR_TSBUILD_GC_SETTING'});
	});
}

test('what is set counts, the rest is as for the disk', t => {
	const limits = readLimits(os.tmpdir(), {TSBUILD_GC_MAX_USED_SPACE: '7', TSBUILD_GC_RESERVED_SPACE: '0'});
	t.is(limits.maxUsedSpace, 7);
	t.is(limits.reservedSpace, 0);
	t.true(limits.minFreeSpace > 0);
});

test('builds collect garbage unless TSBUILD_GC says no', t => {
	t.true(isCollectionWanted({}));
	t.true(isCollectionWanted({TSBUILD_GC: '1'}));
	t.false(isCollectionWanted({TSBUILD_GC: 'false'}));
	t.throws(() => isCollectionWanted({TSBUILD_GC: 'maybe'}), {code: 'ERR_TSBUILD_GC_SETTING'});
});
