import {execFileSync} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import {testWhere} from '../support/conditions.ts';
import {makeProject, type Project} from '../support/project.ts';
import {makeRootlessUser, type RootlessResult, type RootlessUser} from '../support/rootless-user.ts';
import {stepOutput} from '../support/step-output.ts';
import {makeTestCgroups, type TestCgroups} from '../support/test-cgroups.ts';

/*
What docs/rootless.md says of limits with version 1 of cgroups. Those of version 2 are delegated in the virtual machine of test/vm.
*/
await using probe = await makeTestCgroups();
const testWithVersion1 = testWhere(process.getuid!() === 0 && probe.hierarchy.kind === 'version1', 'it needs root and cgroups of version 1');

testWithVersion1('an ordinary user\'s steps have limits in a group that root has given to the user', async t => {
	await using user = await makeRootlessUser();
	await using cgroups = await makeTestCgroups();
	using cleanup = new DisposableStack();
	// The group of all builds in it stays.
	cleanup.defer(() => {
		execFileSync('rmdir', cgroups.directories.map(directory => path.join(directory, 'tsbuild')));
	});
	execFileSync('chown', ['-R', `${user.id}:${user.id}`, ...cgroups.directories]);
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max\nRUN tail /dev/zero\n'});
	await user.own(project.directory);
	await user.own(path.dirname(project.base));
	const result = await build(project, {user, cgroups});
	t.is(result.exitCode, 1, result.stderr);
	t.is(stepOutput(result.stderr, 'RUN cat'), '33554432\n77\n', result.stderr);
	t.regex(result.stderr, /killed: out of memory \(limit 32MiB/v);
	t.notRegex(result.stderr, /without limits/v);
});

async function build({base, context}: Project, {user, cgroups}: {readonly user: RootlessUser; readonly cgroups: TestCgroups}): Promise<RootlessResult> {
	const parent = path.basename(cgroups.directories[0]!);
	return user.tsbuild(['build', '--progress', 'plain', '--network', 'none', '--cgroup-parent', parent, '--memory', '32m', '--memory-swap', '32m', '--pids-limit', '77', '--build-context', `base=oci-layout://${base}`, context]);
}
