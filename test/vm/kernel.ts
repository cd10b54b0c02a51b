import test from 'ava';
import {findMissingPrograms} from './support/kernel.ts';
import {runInVirtualMachine} from './support/virtual-machine.ts';

const missing = findMissingPrograms();
const testInGuest = missing.length === 0 ? test : test.skip;
const reason = missing.length === 0 ? '' : ` (skipped: this machine has no ${missing.join(', ')})`;

testInGuest(`the tests of the executor pass on kernel 6.1 with cgroups of version 2${reason}`, async t => {
	t.timeout(300_000);
	const {exitCode, output, kernelLog} = await runInVirtualMachine([
		'node',
		'node_modules/ava/entrypoints/cli.mjs',
		'--config',
		'scripts/ava/guest.config.ts',
	]);
	t.log(output);
	t.is(exitCode, 0, `the tests failed in the guest, whose kernel said:\n${kernelLog.slice(-2000)}`);
});
