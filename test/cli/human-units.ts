import test from 'ava';
import {formatAge, formatGoTime, formatHumanSize} from '../../src/cli/human-units.ts';

const sizes = test.macro({
	exec(t, bytes: number, text: string) {
		t.is(formatHumanSize(bytes), text);
	},
	title: (_, bytes: number, text: string) => `${bytes} bytes are shown as ${text}`,
});

test(sizes, 0, '0B');
test(sizes, 999, '999B');
test(sizes, 4096, '4.096kB');
test(sizes, 8290, '8.29kB');
test(sizes, 307_200, '307.2kB');
test(sizes, 3_096_576, '3.097MB');
test(sizes, 2 ** 60, '1153PB');

const ages = test.macro({
	exec(t, seconds: number, text: string) {
		t.is(formatAge(0, seconds * 1000), text);
	},
	title: (_, seconds: number, text: string) => `${seconds} s are shown as ${text}`,
});

const hour = 3600;
const day = 24 * hour;
test(ages, -5, 'Less than a second ago');
test(ages, 0.9, 'Less than a second ago');
test(ages, 1, '1 second ago');
test(ages, 59, '59 seconds ago');
test(ages, 60, 'About a minute ago');
test(ages, 120, '2 minutes ago');
test(ages, hour, 'About an hour ago');
test(ages, 1.5 * hour, '2 hours ago');
test(ages, 47 * hour, '47 hours ago');
test(ages, 2 * day, '2 days ago');
test(ages, 14 * day, '2 weeks ago');
test(ages, 61 * day, '2 months ago');
test(ages, 730 * day, '2 years ago');

test('times are shown as Go prints them', t => {
	t.is(formatGoTime(Date.UTC(2026, 10, 20, 19, 35, 50, 574)), '2026-11-20 19:35:50.574 +0000 UTC');
	t.is(formatGoTime(Date.UTC(2026, 10, 20, 19, 35, 50, 500)), '2026-11-20 19:35:50.5 +0000 UTC');
	t.is(formatGoTime(Date.UTC(2026, 10, 20)), '2026-11-20 00:00:00 +0000 UTC');
});
