import process from 'node:process';
import {countsPrefix, sumCounts} from '../../scripts/ava/counted-run.ts';
import {testWhere} from '../support/conditions.ts';
import type {GuestCommand} from './support/guest-init.ts';
import {findMissingPrograms} from './support/kernel.ts';
import {runInVirtualMachine} from './support/virtual-machine.ts';

const missing = findMissingPrograms();
const testInGuest = testWhere(missing.length === 0, `this machine has no ${missing.join(', ')}`);

// What depends on the kernel, on cgroups and on the defaults of overlayfs, in parts that take about the same time. What only computes, or resolves paths, is the same everywhere; emulation makes all of it some ten times slower.
const parts: ReadonlyArray<readonly string[]> = [
	[
		'test/vm/guest/**/*.ts',
		'test/solver/executor/open-cgroups.ts',
		'test/solver/executor/container.ts',
		'test/solver/executor/container-lifetime.ts',
	],
	[
		// The calls that are newer than 6.1, and what stands in for them.
		'test/linux/{detached,memory,namespace,process}*.ts',
		'test/solver/executor/devices.ts',
		// What a step sees and may do, beside runc.
		'test/solver/executor/{forbidden-calls,isolation,runc-equality}.ts',
		'test/solver/executor/seccomp-kernel.ts',
	],
	[
		'test/solver/executor/step-mounts.ts',
		'test/solver/ops/exec-mounts.ts',
		// Layers come from upper directories alone, whatever overlayfs would like to refer to.
		'test/snapshotter/{diff,diff-links,overlay}.ts',
	],
	// Whole builds, with limits by version 2.
	['test/e2e/run-options.ts'],
];

// It takes five minutes on two processors that have nothing else to do; on a busy machine more may be allowed.
const timeoutMilliseconds = Number(process.env.TSBUILD_VM_MINUTES ?? '15') * 60_000;

testInGuest('the tests of containers and snapshots pass on kernel 6.1 with cgroups of version 2 and other defaults of overlayfs', async t => {
	t.timeout(timeoutMilliseconds + 60_000);
	const {exitCode, output, counts, kernelLog} = await runInVirtualMachine({commands: parts.map(files => runTests(files)), timeoutMilliseconds});
	t.log(`${countsPrefix}${JSON.stringify(sumCounts(counts))}`);
	t.log(output);
	t.is(exitCode, 0, `the tests failed in the guest, whose kernel said:\n${kernelLog.slice(-2000)}`);
});

function runTests(files: readonly string[]): GuestCommand {
	return {
		user: 'root',
		args: ['node', 'node_modules/ava/entrypoints/cli.mjs', '--config', 'scripts/ava/guest.config.ts', '--serial', ...files],
		environment: {TSBUILD_TEST_PROGRAM: '/tsbuild/bin/tsbuild.cjs'},
	};
}
