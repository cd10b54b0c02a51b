import process from 'node:process';
import test from 'ava';
import {IdleWatch} from '../../src/http/idle-watch.ts';

function countTimers(): number {
	return process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
}

test('a watch that is over keeps no process alive, whoever still waits', t => {
	const before = countTimers();
	const watch = new IdleWatch(60_000);
	watch.resume();
	t.is(countTimers(), before + 1);
	watch[Symbol.dispose]();
	watch.resume();
	t.is(countTimers(), before);
});
