import process from 'node:process';
import {countsPrefix, sumCounts} from '../../scripts/ava/counted-run.ts';
import {testWhere} from '../support/conditions.ts';
import type {GuestCommand} from './support/guest-init.ts';
import {findMissingPrograms} from './support/kernel.ts';
import {runInVirtualMachine} from './support/virtual-machine.ts';

const missing = findMissingPrograms();
const testInGuest = testWhere(missing.length === 0, `this machine has no ${missing.join(', ')}`);

/** Tests that one command runs in the guest, one after the other. */
type Part = {
	readonly user: GuestCommand['user'];
	readonly files: readonly string[];
	/** Patterns of titles, when not all of the files' tests are run. */
	readonly titles?: readonly string[];
};

// What depends on the kernel, on cgroups and on the defaults of overlayfs, in parts that take about the same time. What only computes, or resolves paths, is the same everywhere; emulation makes all of it some ten times slower.
const parts: readonly Part[] = [
	{
		user: 'root',
		files: [
			'test/vm/guest/**/*.ts',
			'test/solver/executor/open-cgroups.ts',
			'test/solver/executor/container.ts',
			'test/solver/executor/container-lifetime.ts',
		],
	},
	{
		user: 'root',
		files: [
			// The calls that are newer than 6.1, and what stands in for them.
			'test/linux/{detached,memory,namespace,process}*.ts',
			'test/solver/executor/devices.ts',
			// What a step sees and may do, beside runc.
			'test/solver/executor/{forbidden-calls,isolation,runc-equality}.ts',
			'test/solver/executor/seccomp-kernel.ts',
		],
	},
	{
		user: 'root',
		files: [
			'test/solver/executor/step-mounts.ts',
			'test/solver/ops/exec-mounts.ts',
			// Layers come from upper directories alone, whatever overlayfs would like to refer to.
			'test/snapshotter/{diff,diff-links,overlay}.ts',
		],
	},
	// Whole builds, with limits by version 2.
	{user: 'root', files: ['test/e2e/run-options.ts']},
	// The same in the group that is delegated to a user.
	{user: 'user', files: ['test/e2e/{limits,run-options}.ts'], titles: ['a step that needs more memory*', '*more processes than its limit*', 'what each step has used*']},
	// The network of steps, of root and of a user.
	{user: 'root', files: ['test/e2e/{rootless,step}-network.ts'], titles: ['*reaches the world*through the kernel', '*of an ordinary user reaches the world*through pasta']},
];

// What takes hours where others keep the machine busy: whole files of which the parts above run some tests, and all that a user can run on another kernel.
const longParts: readonly Part[] = [
	{user: 'root', files: ['test/e2e/{rootless,step}-network.ts']},
	{user: 'root', files: ['test/e2e/{cgroup-parent,limits}.ts']},
	{user: 'user', files: ['test/e2e/{cgroup-parent,limits,run-options}.ts']},
	{user: 'user', files: ['test/e2e/{entitlements,known-attacks,native-store,run-mounts}.ts']},
];

const runParts = process.env.TSBUILD_VM_LONG === '1' ? longParts : parts;

// It takes six minutes on two processors that have nothing else to do; on a busy machine more may be allowed.
const timeoutMilliseconds = Number(process.env.TSBUILD_VM_MINUTES ?? '15') * 60_000;

testInGuest('the tests of containers and snapshots pass on kernel 6.1 with cgroups of version 2 and other defaults of overlayfs', async t => {
	t.timeout(timeoutMilliseconds + 60_000);
	const {exitCode, output, counts, kernelLog} = await runInVirtualMachine({commands: runParts.map(part => runTests(part)), timeoutMilliseconds});
	t.log(`${countsPrefix}${JSON.stringify(sumCounts(counts))}`);
	t.log(output);
	t.is(exitCode, 0, `the tests failed in the guest, whose kernel said:\n${kernelLog.slice(-2000)}`);
});

function runTests({user, files, titles = []}: Part): GuestCommand {
	const config = user === 'root' ? 'guest' : 'rootless';
	return {
		user,
		args: ['node', 'node_modules/ava/entrypoints/cli.mjs', '--config', `scripts/ava/${config}.config.ts`, '--serial', ...titles.map(title => `--match=${title}`), ...files],
		environment: {TSBUILD_TEST_PROGRAM: '/tsbuild/bin/tsbuild.cjs'},
	};
}
