import {constants} from 'node:os';
import test from 'ava';
import {layerEntryFailure} from '../../snapshotter/layer-error.ts';
import {isDiskFull, storeError} from '../../snapshotter/store-error.ts';
import {explainArchiveFailure} from '../../solver/ops/archive-error.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';

const failed = (call: string) => new LinuxError(call, -constants.errno.ENOSPC, {action: call, path: '/file'});

test('a full disk is told as one', t => {
	const error = failed('write');
	t.true(isDiskFull(error));
	t.like(storeError('write files', error), {code: 'ERR_TSBUILD_STORE', message: 'failed to write files: failed to write /file: ENOSPC', hint: 'The disk is full.'});
	t.like(layerEntryFailure('file', error), {code: 'ERR_TSBUILD_STORE', hint: 'The disk is full.'});
	t.is(explainArchiveFailure('a.tar', 'file', error), error);
});

test('an attribute that the file system has no room for is no full disk', t => {
	const error = failed('setxattr');
	t.false(isDiskFull(error));
	t.like(layerEntryFailure('file', error), {code: 'ERR_TSBUILD_LAYER', hint: 'The file system of the store has no room for extended attributes of this size.'});
	t.like(explainArchiveFailure('a.tar', 'file', error), {code: 'ERR_TSBUILD_ARCHIVE', message: 'failed to unpack a.tar at file: failed to setxattr /file: ENOSPC'});
});
