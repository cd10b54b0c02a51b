import {execFileSync} from 'node:child_process';
import test from 'ava';
import {hostArchitecture} from '../../src/linux/architecture.ts';

test('the architecture is that of this machine', t => {
	const machine = execFileSync('/bin/uname', ['-m'], {encoding: 'utf8'}).trim();
	t.is(hostArchitecture(), machine === 'aarch64' ? 'arm64' : machine as 'x86_64');
});
