import test from 'ava';
import {examineClock} from '../../src/doctor/runtime.ts';

test('a clock that begins in 1970 is a warning', t => {
	t.like(examineClock(1000), {status: 'warning', summary: '1970-01-01T00:00:01Z is in the past'});
});

test('a clock that may be right is told', t => {
	t.deepEqual(examineClock(Date.UTC(2027, 1, 3)), {status: 'ok', topic: 'clock', summary: '2027-02-03T00:00:00Z'});
});
