import {execFileSync} from 'node:child_process';
import process from 'node:process';
import test from 'ava';
import {libc} from '../../src/linux/libc.ts';
import {cString} from '../../src/linux/name.ts';

test('a failing call returns its negated errno, also through syscall(2)', t => {
	t.is(libc().mkdirat(-100, cString('/'), 0o755), -17);
	t.is(libc().fsopen(cString('no-such-file-system'), 1), -19);
});

test('koffi is loaded by the first call, not by the import', t => {
	const script = `
		import {createRequire} from 'node:module';
		import {libc} from ${JSON.stringify(new URL('../../src/linux/libc.ts', import.meta.url).href)};
		const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some(name => name.includes('/koffi/'));
		console.log(isLoaded());
		libc();
		console.log(isLoaded());
	`;
	const stdout = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {encoding: 'utf8'});
	t.is(stdout, 'false\ntrue\n');
});
