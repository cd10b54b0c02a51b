import {constants} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {lock, tryLock, unlock} from '../../src/linux/lock.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

function openLockFile(directory: string): Descriptor {
	return Descriptor.open(join(directory, 'lock'), constants.O_RDWR | constants.O_CREAT);
}

test('an exclusive lock keeps all others out until it is given back', async t => {
	await using directory = await makeTemporaryDirectory();
	using first = openLockFile(directory.path);
	using second = openLockFile(directory.path);
	t.true(tryLock(first, 'exclusive'));
	t.false(tryLock(second, 'exclusive'));
	t.false(tryLock(second, 'shared'));
	unlock(first);
	t.true(tryLock(second, 'exclusive'));
});

test('many can share a lock', async t => {
	await using directory = await makeTemporaryDirectory();
	using first = openLockFile(directory.path);
	using second = openLockFile(directory.path);
	t.true(tryLock(first, 'shared'));
	t.true(tryLock(second, 'shared'));
	t.false(tryLock(second, 'exclusive'));
});

test('a lock ends with its descriptor', async t => {
	await using directory = await makeTemporaryDirectory();
	using second = openLockFile(directory.path);
	{
		using first = openLockFile(directory.path);
		t.true(tryLock(first, 'exclusive'));
	}

	t.true(tryLock(second, 'exclusive'));
});

test('waiting ends when the other gives the lock back', async t => {
	await using directory = await makeTemporaryDirectory();
	using first = openLockFile(directory.path);
	using second = openLockFile(directory.path);
	tryLock(first, 'exclusive');
	const waiting = lock(second, 'exclusive');
	unlock(first);
	await waiting;
	t.false(tryLock(first, 'shared'));
});

test('waiting ends with the reason of the signal, and without the lock', async t => {
	await using directory = await makeTemporaryDirectory();
	using first = openLockFile(directory.path);
	using second = openLockFile(directory.path);
	tryLock(first, 'exclusive');
	const controller = new AbortController();
	const waiting = lock(second, 'exclusive', {signal: controller.signal});
	controller.abort(new RangeError('enough'));
	await t.throwsAsync(waiting, {instanceOf: RangeError, message: 'enough'});
	await t.throwsAsync(lock(second, 'exclusive', {signal: controller.signal}), {message: 'enough'});
	unlock(first);
	t.true(tryLock(first, 'exclusive'));
});

test('a descriptor that cannot be locked is an error', t => {
	t.throws(() => tryLock(-1, 'shared'), {code: 'EBADF', message: 'failed to take shared lock: EBADF'});
});
