import test from 'ava';
import {newDirectoryMode, parseMode} from '../../../solver/ops/mode.ts';

const changes = test.macro((t, text: string, table: ReadonlyArray<readonly [before: number, after: number]>, isDirectory: boolean) => {
	const change = parseMode(text);
	for (const [mode, expected] of table) {
		t.is(change({mode, isDirectory}).toString(8), expected.toString(8), `${text} of ${mode.toString(8)}`);
	}
});

test('octal digits are the mode', changes, '4750', [[0o644, 0o4750], [0o7777, 0o4750]], false);
test('one octal digit is enough', changes, '0', [[0o644, 0]], false);
test('leading zeros do no harm', changes, '000644', [[0o755, 0o644]], false);
test('X is for what is executable', changes, 'u=rwX,go=rX', [[0o600, 0o644], [0o700, 0o755], [0o010, 0o755]], false);
test('X is for directories', changes, 'u=rwX,go=rX', [[0o600, 0o755]], true);
test('plus adds', changes, 'g+w,o+x', [[0o644, 0o665]], false);
test('minus takes away', changes, 'go-rwx', [[0o777, 0o700], [0o4755, 0o4700]], false);
test('nobody named means all, whatever the umask', changes, '+w', [[0o444, 0o666]], false);
test('nobody named means all to equal too', changes, '=rw', [[0o711, 0o666]], false);
test('+x is for all', changes, '+x', [[0o644, 0o755]], false);
test('permissions of one class go to another', changes, 'g=u,o=', [[0o750, 0o770], [0o640, 0o660], [0o607, 0o660]], false);
test('several actions in one clause', changes, 'u=r+x-r', [[0o600, 0o100]], false);
test('equal takes set-user-ID away', changes, 'u=rwx', [[0o4644, 0o744]], false);
test('set-user-ID goes to the named class', changes, 'u+s', [[0o755, 0o4755]], false);
test('set-group-ID goes to the named class', changes, 'g+s', [[0o755, 0o2755]], false);
test('the sticky bit is for all', changes, 'a+t', [[0o777, 0o1777]], false);
test('others have no sticky bit', changes, 'o+t', [[0o777, 0o777]], false);
test('all is u, g and o', changes, 'a=rx', [[0o640, 0o555]], false);

const refuses = test.macro((t, text: string, message: string) => {
	t.throws(() => parseMode(text), {code: 'ERR_TSBUILD_MODE', message});
});

test('refuses digits that are not octal', refuses, '999', 'invalid chmod parameter: \'999\'. it should be octal string and between 0 and 07777');
test('refuses too large a mode', refuses, '10000', 'invalid chmod parameter: \'10000\'. it should be octal string and between 0 and 07777');
test('refuses an unknown letter', refuses, 'u+q', 'invalid syntax');
test('refuses an empty clause', refuses, 'u+x,', 'invalid syntax');
test('refuses no text', refuses, '', 'invalid syntax');

test('octal digits without set-ID bits are the mode of directories on the way', t => {
	t.is(newDirectoryMode('0750'), 0o750);
	t.is(newDirectoryMode('4701'), 0o701);
	t.is(newDirectoryMode('u=rwx'), 0o755);
	t.is(newDirectoryMode(undefined), 0o755);
});
