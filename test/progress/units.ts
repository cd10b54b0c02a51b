import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {mergeIntervals, totalSeconds} from '../../src/progress/intervals.ts';
import {formatStatus} from '../../src/progress/status-line.ts';
import {formatBytes, formatLogTime} from '../../src/progress/units.ts';

test('amounts and times are those of BuildKit', t => {
	t.deepEqual([0, 62, 999, 1060, 1_990_000, 80_020_000, 3e12].map(bytes => formatBytes(bytes)), ['0B', '62B', '999B', '1.06kB', '1.99MB', '80.02MB', '3.00TB']);
	t.deepEqual([0, 212, 9999, 12_345, 123_456].map(time => formatLogTime(time)), ['0.000', '0.212', '9.999', '12.35', '123.5']);
});

test('a status tells what is known of it', t => {
	const status = {
		type: 'status', vertex: digestOf('a'), id: 'sha256:ab', current: 0, total: 0, timestamp: 500,
	} as const;
	t.is(formatStatus(status), 'sha256:ab');
	t.is(formatStatus({...status, current: 62, completed: 500}), 'sha256:ab 62B done');
	t.is(formatStatus({
		...status, current: 1_050_000, total: 3_200_000, started: 0,
	}), 'sha256:ab 1.05MB / 3.20MB 0.5s');
	t.is(formatStatus({...status, started: 495, completed: 500}), 'sha256:ab done');
});

test('times of work that overlap count once', t => {
	const merged = mergeIntervals(new Map<number, number | undefined>([[5000, 6000], [1000, 3000], [2000, 4000], [2500, 2600]]));
	t.deepEqual(merged, [{start: 1000, end: 4000}, {start: 5000, end: 6000}]);
	t.is(totalSeconds(merged, 0), 4);
});

test('work that has not ended lasts until now and takes in what begins later', t => {
	const merged = mergeIntervals(new Map<number, number | undefined>([[3000, 4000], [1000, 2000], [2500, undefined]]));
	t.deepEqual(merged, [{start: 1000, end: 2000}, {start: 2500, end: undefined}]);
	t.is(totalSeconds(merged, 5000), 3.5);
});
