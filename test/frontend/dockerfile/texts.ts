import test from 'ava';
import {readFileMode} from '../../../frontend/dockerfile/file-mode.ts';
import {formatGoDuration, parseGoDuration} from '../../../frontend/dockerfile/go-duration.ts';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import {cleanDestination, cleanPath, resolveWritten} from '../../../frontend/dockerfile/paths.ts';
import {readMount} from '../../../frontend/dockerfile/read-mount.ts';
import {isSignal} from '../../../frontend/dockerfile/signals.ts';
import {suggest} from '../../../src/kernel/suggestion.ts';

const duration = test.macro<[text: string, nanoseconds: number, formatted: string]>((t, text, nanoseconds, formatted) => {
	t.is(parseGoDuration(text), nanoseconds);
	t.is(formatGoDuration(nanoseconds), formatted);
});

test('zero', duration, '0', 0, '0s');
test('nanoseconds', duration, '5ns', 5, '5ns');
test('microseconds', duration, '1.5us', 1500, '1.5µs');
test('milliseconds', duration, '100ms', 1e8, '100ms');
test('seconds with a fraction', duration, '1.5s', 1.5e9, '1.5s');
test('minutes', duration, '5m', 300e9, '5m0s');
test('hours, minutes and seconds', duration, '1h2m3.004s', 3_723_004_000_000, '1h2m3.004s');
test('a negative duration', duration, '-1m', -60e9, '-1m0s');

test('what is no duration is refused in the words of Go', t => {
	t.throws(() => parseGoDuration('abc'), {message: 'time: invalid duration "abc"'});
	t.throws(() => parseGoDuration('5'), {message: 'time: missing unit in duration "5"'});
	t.throws(() => parseGoDuration('5x'), {message: 'time: unknown unit "x" in duration "5x"'});
	t.throws(() => parseGoDuration('9999999999999h'), {message: 'time: invalid duration "9999999999999h"'});
});

test('strings are quoted as by Go', t => {
	t.is(quoteGoString('a"b\\c\n\t\u{7}'), String.raw`"a\"b\\c\n\t\a"`);
	t.is(quoteGoString('ünï 日本 👽'), '"ünï 日本 👽"');
	t.is(quoteGoString('\u{1}\u{7F}\u{A0}\u{200B}\u{E0001}'), String.raw`"\x01\x7f\u00a0\u200b\U000e0001"`);
});

test('the nearest option is suggested, if it is near', t => {
	t.is(suggest('RUNN', ['RUN', 'USER']), 'RUN');
	t.is(suggest('formm', ['from', 'form']), 'form');
	t.is(suggest('nope', ['mount', 'network']), undefined);
	t.is(suggest('from', ['form', 'from']), undefined, 'what exists needs no suggestion');
});

test('modes are octal or symbolic', t => {
	t.is(readFileMode('644'), '0644');
	t.is(readFileMode('0'), '0000');
	t.is(readFileMode('07777'), '7777');
	for (const symbolic of ['u=rwX,go=rX', '+x', 'g=u', 'a-w', 'u+s,g+s', '+t', 'u+r-w']) {
		t.is(readFileMode(symbolic), symbolic);
	}

	for (const octal of ['8', '999', '10000', '0x1ff', '1e3', '9'.repeat(400)]) {
		t.throws(() => readFileMode(octal), {message: `invalid chmod parameter: '${octal}'. it should be octal string and between 0 and 07777`});
	}

	for (const symbolic of ['u+q', 'rwx', ',', 'u=rw,', 'u']) {
		t.throws(() => readFileMode(symbolic), {message: 'invalid syntax'});
	}
});

test('signals are numbers or names', t => {
	const signals = ['9', 'SIGTERM', 'term', 'SigKill', 'RTMIN', 'SIGRTMIN+3', 'RTMAX-14', '64'];
	const others = ['0', '', 'SIG', 'NOPE', '9 15', 'RTMIN+16', 'RTMAX-0', 'SIGSIGTERM'];
	t.deepEqual([...signals, ...others].filter(text => isSignal(text)), signals);
});

test('paths do not leave the root', t => {
	t.is(cleanPath('../../a//b/./c/'), '/a/b/c');
	t.is(cleanPath(''), '/');
	t.is(resolveWritten('/w', 'a/../../../b'), '/b');
	t.is(resolveWritten('/w', '/a/'), '/a/', 'an absolute path stays as written');
	t.is(resolveWritten('/w', ''), '/w');
});

test('a destination tells whether it is a directory', t => {
	t.is(cleanDestination('/w', 'a'), '/w/a');
	t.is(cleanDestination('/w', 'a/'), '/w/a/');
	t.is(cleanDestination('/w', 'a/.'), '/w/a/');
	t.is(cleanDestination('/w', '.'), '/w/');
	t.is(cleanDestination('/w', ''), '/w/');
	t.is(cleanDestination('/', '.'), '/');
	t.is(cleanDestination('/w', '../../x'), '/x');
	t.is(cleanDestination('/w', '/a/../b//'), '/b/');
});

const mount = test.macro<[text: string, expected: ReturnType<typeof readMount>]>((t, text, expected) => {
	t.deepEqual(readMount(text, value => value.replaceAll('$V', 'v')), expected);
});

test('a bind mount is the default, and read-only', mount, 'target=/a,source=$V', {
	type: 'bind', isReadOnly: true, target: '/a', source: 'v',
});
test('a cache is writable', mount, 'type=cache,DST=/c,id=x,sharing=Locked,mode=0700,uid=1,gid=2', {
	type: 'cache', isReadOnly: false, target: '/c', id: 'x', sharing: 'locked', mode: 0o700, uid: 1, gid: 2,
});
test('a secret may be a variable', mount, 'type=secret,id=t,env=T,required', {
	type: 'secret', isReadOnly: true, id: 't', environmentName: 'T', isRequired: true,
});
test('a tmpfs has a size', mount, 'type=tmpfs,target=/t,size=1.5k', {
	type: 'tmpfs', isReadOnly: false, target: '/t', size: 1536,
});
test('fields may be quoted', mount, '"target=/a,b",rw', {type: 'bind', isReadOnly: false, target: '/a,b'});
