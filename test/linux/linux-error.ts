import test from 'ava';
import {check, hasFailedWith, LinuxError} from '../../src/linux/linux-error.ts';

test('an error names what was tried, on what, and the code', t => {
	const error = t.throws(() => check(-1, 'mount', {action: 'mount overlay on', path: '/x'}), {instanceOf: LinuxError});
	t.is(error.message, 'failed to mount overlay on /x: EPERM');
	t.is(error.code, 'EPERM');
	t.is(error.errno, -1);
	t.is(error.syscall, 'mount');
	t.is(error.path, '/x');
});

test('the kernel\'s own words follow the code', t => {
	t.is(new LinuxError('fsconfig', -22, {action: 'create overlay', detail: 'too many layers'}).message, 'failed to create overlay: EINVAL (too many layers)');
});

const codeOf = test.macro({
	exec(t, errorNumber: number, code: string) {
		t.is(new LinuxError('x', errorNumber, {action: 'try'}).code, code);
	},
	title: (_title, errorNumber: number, code: string) => `the code of ${errorNumber} is ${code}`,
});

test(codeOf, -2, 'ENOENT');
test(codeOf, -11, 'EAGAIN');
test(codeOf, -40, 'ELOOP');
test(codeOf, -61, 'ENODATA');
test(codeOf, -95, 'ENOTSUP');
test(codeOf, -116, 'ESTALE');
test(codeOf, -524, 'errno 524');

test('a result that is no error is given back', t => {
	t.is(check(7, 'open', {action: 'open'}), 7);
	t.is(check(0, 'open', {action: 'open'}), 0);
});

test('a failure is recognized by its code', t => {
	t.true(hasFailedWith(-2, 'EPERM', 'ENOENT'));
	t.false(hasFailedWith(-2, 'EPERM'));
	t.false(hasFailedWith(2, 'ENOENT'));
});
