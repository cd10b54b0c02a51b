import test from 'ava';
import {abortable} from '../../src/kernel/abortable.ts';

const reason = new Error('given up');

test('who gives up does not wait, and the others get what they wait for', async t => {
	const {promise, resolve} = Promise.withResolvers<string>();
	const controller = new AbortController();
	const givenUp = abortable(promise, controller.signal);
	const others = [abortable(promise, undefined), abortable(promise, new AbortController().signal)];
	controller.abort(reason);
	await t.throwsAsync(givenUp, {is: reason});
	const late = abortable(promise, controller.signal);
	await t.throwsAsync(late, {is: reason});
	resolve('result');
	const results = await Promise.all(others);
	t.deepEqual(results, ['result', 'result']);
});

test('a failure that comes after is nobody\'s', async t => {
	const {promise, reject} = Promise.withResolvers<string>();
	const givenUp = abortable(promise, AbortSignal.abort(reason));
	await t.throwsAsync(givenUp, {is: reason});
	reject(new Error('late'));
	await t.throwsAsync(promise, {message: 'late'});
});
