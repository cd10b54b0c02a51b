import test from 'ava';
import {lazy} from '../../src/linux/lazy.ts';

test('a lazy value is made once, at the first call', t => {
	let calls = 0;
	const value = lazy(() => {
		calls++;
	});
	t.is(calls, 0);
	value();
	value();
	t.is(calls, 1);
});

test('a lazy value whose making failed is tried again', t => {
	let calls = 0;
	const value = lazy(() => {
		calls++;
		if (calls === 1) {
			throw new Error('first');
		}

		return calls;
	});
	t.throws(() => value(), {message: 'first'});
	t.is(value(), 2);
});
