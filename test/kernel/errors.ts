import test from 'ava';
import {explainDiskFailure} from '../../src/kernel/disk-failure.ts';
import {errorCode, errorMessage, TsbuildError} from '../../src/kernel/errors.ts';

test('an error of a disk that Node has no name for has that of the kernel', t => {
	const error = Object.assign(new Error('Unknown system error -122: Unknown system error -122, open \'/store\''), {code: 'Unknown system error -122'});
	t.is(errorCode(error), 'EDQUOT');
	t.is(errorMessage(error), 'EDQUOT: disk quota exceeded, open \'/store\'');
	t.is(explainDiskFailure(error), 'The disk quota is used up.');
});

test('of errors that came while an earlier one was undone, the first is told', t => {
	const first = new TsbuildError('ERR_TSBUILD_STORE', 'first');
	const error = new SuppressedError(Object.assign(new Error('second'), {code: 'EIO'}), first, 'third');
	t.is(errorCode(error), 'ERR_TSBUILD_STORE');
	t.is(errorMessage(error), 'first');
	t.is(explainDiskFailure(error), undefined);
});

test('what is no error has no code', t => {
	t.is(errorCode('text'), undefined);
	t.is(errorMessage('text'), 'text');
	t.is(explainDiskFailure(undefined), undefined);
});
