import {Buffer} from 'node:buffer';
import test from 'ava';
import {cString, displayName} from '../../src/linux/name.ts';

test('a name for C ends with a NUL byte, and bytes that are not UTF-8 stay as they are', t => {
	t.deepEqual(cString('ä'), Buffer.from([0xC3, 0xA4, 0]));
	t.deepEqual(cString(Buffer.from([0xFF, 0xFE])), Buffer.from([0xFF, 0xFE, 0]));
});

test('a name with a NUL byte is refused instead of cut', t => {
	t.throws(() => cString('passwd\0.txt'), {code: 'ERR_TSBUILD_INVALID_PATH', message: String.raw`failed to use path "passwd\u0000.txt": it contains a NUL byte`});
	t.throws(() => cString(Buffer.from([0])), {code: 'ERR_TSBUILD_INVALID_PATH'});
});

test('a name that would steer a terminal is shown quoted', t => {
	t.is(displayName('/etc/passwd'), '/etc/passwd');
	t.is(displayName('a\u{1B}[2Jb'), String.raw`"a\u001b[2Jb"`);
	t.is(displayName('a\u{9B}b'), String.raw`"a\u009bb"`);
	t.is(displayName('a\nb'), String.raw`"a\nb"`);
});
