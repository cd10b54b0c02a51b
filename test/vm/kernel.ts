import {testWhere} from '../support/conditions.ts';
import {findMissingPrograms} from './support/kernel.ts';
import {runInVirtualMachine} from './support/virtual-machine.ts';

const missing = findMissingPrograms();
const testInGuest = testWhere(missing.length === 0, `this machine has no ${missing.join(', ')}`);

// What depends on the kernel and on cgroups, as far as emulation runs it in two minutes, in parts that take about the same time.
const parts = [
	['test/vm/guest/**/*.ts'],
	['test/linux/{detached,memory,namespace,process}*.ts'],
	['test/solver/executor/devices.ts', 'test/solver/ops/exec-mounts.ts'],
	['test/solver/executor/open-cgroups.ts'],
];

testInGuest('the tests of the executor pass on kernel 6.1 with cgroups of version 2', async t => {
	t.timeout(400_000);
	const {exitCode, output, kernelLog} = await runInVirtualMachine(parts.map(files => [
		'node',
		'node_modules/ava/entrypoints/cli.mjs',
		'--config',
		'scripts/ava/guest.config.ts',
		...files,
	]));
	t.log(output);
	t.is(exitCode, 0, `the tests failed in the guest, whose kernel said:\n${kernelLog.slice(-2000)}`);
});
