import test from 'ava';
import {NetworkUnavailable} from '../../../solver/network/network-unavailable.ts';
import {whenReady} from '../../../solver/network/when-ready.ts';

const {promise: never} = Promise.withResolvers<never>();
const reason = new Error('given up');

test('a program that ends before it is ready has said why in its last line', async t => {
	const waiting = whenReady('pasta', {
		ready: async () => never, ended: Promise.resolve(), complaints: Promise.resolve('Starting\nno such device\n'), signal: new AbortController().signal,
	});
	await t.throwsAsync(waiting, {instanceOf: NetworkUnavailable, message: 'pasta failed: no such device'});
});

test('who gives up a program that hangs does not wait, and neither does what looks whether it is ready', async t => {
	const looking = Promise.withResolvers<AbortSignal>();
	const controller = new AbortController();
	const waiting = whenReady('pasta', {
		async ready(over) {
			looking.resolve(over);
			return never;
		},
		ended: never,
		complaints: never,
		signal: controller.signal,
	});
	controller.abort(reason);
	await t.throwsAsync(waiting, {is: reason});
	const over = await looking.promise;
	t.true(over.aborted);
});
