import {testWhere} from '../support/conditions.ts';
import {findMissingPrograms} from './support/kernel.ts';
import {runInVirtualMachine, type GuestResult} from './support/virtual-machine.ts';

const missing = findMissingPrograms();
const testInGuest = testWhere(missing.length === 0, `this machine has no ${missing.join(', ')}`);

// What V8 prints when it finds itself broken. In emulation it does now and then, at the start of a process; on real processors it never did.
const brokenV8 = '# Fatal error in ';

testInGuest('the tests of the executor pass on kernel 6.1 with cgroups of version 2', async t => {
	t.timeout(400_000);
	const {exitCode, output, kernelLog} = await runGuestTests();
	t.log(output);
	t.is(exitCode, 0, `the tests failed in the guest, whose kernel said:\n${kernelLog.slice(-2000)}`);
});

/** Runs them once more when it was not they that failed, but the program that runs them. */
async function runGuestTests(): Promise<GuestResult> {
	const command = ['node', 'node_modules/ava/entrypoints/cli.mjs', '--config', 'scripts/ava/guest.config.ts'];
	const result = await runInVirtualMachine(command);
	return result.exitCode !== 0 && result.output.includes(brokenV8) ? runInVirtualMachine(command) : result;
}
