import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {KeyedLock} from '../../snapshotter/keyed-lock.ts';

test('work on one key happens one after the other, in the order of asking', async t => {
	const lock = new KeyedLock<string>();
	const log: string[] = [];
	const work = async (name: string, key: string) => {
		using _held = await lock.acquire(key);
		log.push(`${name} begins`);
		await setImmediate();
		log.push(`${name} ends`);
	};

	await Promise.all([work('a', 'x'), work('b', 'x'), work('c', 'x')]);
	t.deepEqual(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('keys do not wait for each other', async t => {
	const lock = new KeyedLock<string>();
	using _first = await lock.acquire('x');
	using _second = await lock.acquire('y');
	t.truthy(_second);
});

test('a failure lets the key go', async t => {
	const lock = new KeyedLock<string>();
	await t.throwsAsync(async () => {
		using _held = await lock.acquire('x');
		throw new Error('failed');
	});
	using held = await lock.acquire('x');
	t.truthy(held);
});
