import test from 'ava';
import {keptBytes, type SpaceLimits} from '../../snapshotter/space-limits.ts';

const keeps = test.macro({
	exec(t, limits: Partial<SpaceLimits>, expected: number) {
		const all = {
			maxUsedSpace: 0, reservedSpace: 0, minFreeSpace: 0, ...limits,
		};
		t.is(keptBytes(all, {used: 100, free: 50}), expected);
	},
	title: (_, limits: Partial<SpaceLimits>, expected: number) => `of 100 bytes ${expected} may stay with ${JSON.stringify(limits)} where 50 are free`,
});

test(keeps, {}, 0);
test(keeps, {reservedSpace: 30}, 30);
test(keeps, {maxUsedSpace: 60}, 60);
test(keeps, {maxUsedSpace: 60, reservedSpace: 80}, 80);
test(keeps, {maxUsedSpace: 200, reservedSpace: 80}, 100);
test(keeps, {minFreeSpace: 40}, 100);
test(keeps, {minFreeSpace: 70}, 80);
test(keeps, {minFreeSpace: 500}, 0);
test(keeps, {minFreeSpace: 500, reservedSpace: 10}, 10);
test(keeps, {minFreeSpace: 70, maxUsedSpace: 90}, 80);
test(keeps, {minFreeSpace: 55, maxUsedSpace: 90}, 90);
