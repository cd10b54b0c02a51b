import test from 'ava';
import {countIds} from '../../src/doctor/subordinate-ids.ts';

const counts = test.macro({
	exec(t, text: string, count: number) {
		t.is(countIds(text, new Set(['app', '1000'])), count);
	},
	title: (_, text: string, count: number) => `${JSON.stringify(text)} gives ${count} ids`,
});

test(counts, 'app:100000:65536\n', 65_536);
test(counts, '1000:100000:65536', 65_536);
test(counts, 'other:100000:65536\napp:200000:1000\napp:300000:2000\n', 3000);
test(counts, '', 0);
test(counts, 'application:100000:65536\n', 0);
test(counts, 'app:100000\napp:1:x\napp::\n:::\n# app:1:1\n', 0);
