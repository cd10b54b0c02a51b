import {execFileSync} from 'node:child_process';
import {rm} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeProject} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {testWithCgroups} from '../support/test-with-cgroups.ts';

test('proxies given as build arguments reach RUN, and neither the cache key nor the image', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo "[$HTTP_PROXY] [$no_proxy]"\n'});
	const first = await project.build('-t', 'app:1', '--build-arg', 'HTTP_PROXY=http://one', '--build-arg', 'no_proxy=two');
	t.regex(first.stderr, /^#\d+ [\d.]+ \[http:\/\/one\] \[two\]$/mv);
	const second = await project.build('-t', 'app:1', '--build-arg', 'HTTP_PROXY=http://other');
	t.regex(second.stderr, /RUN echo .*\n#\d+ CACHED/v);
});

testWithCgroups('a step that needs more memory than its limit fails and says so, and the build goes on to be usable', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN tail /dev/zero\n'});
	const result = await project.build('--memory', '32m');
	t.is(result.exitCode, 1);
	t.regex(result.stderr, /^ERROR: failed to build: failed to solve: process "\/bin\/sh -c tail \/dev\/zero" did not complete successfully: .*out of memory \(limit 32MiB/mv);
});

testWithCgroups('a step that makes more processes than its limit cannot, and ends', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN for i in $(seq 50); do sleep 1000 & done; echo all begun\n'});
	const result = await project.build('--pids-limit', '20');
	t.is(result.exitCode, 1, result.stderr);
	t.regex(result.stderr, /can't fork/v);
});

testWithCgroups('a step sees the limit of its CPUs', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null | head -n 1\n'});
	const result = await project.build('--cpus', '0.5');
	t.regex(result.stderr, /^#\d+ [\d.]+ 50000(?: 100000)?$/mv);
});

test('a step without a network has only its own loopback, which is up', async t => {
	await using project = await makeProject({
		Dockerfile: 'FROM base\nRUN ip -o link | cut -d: -f2; ping -c 1 -w 1 127.0.0.1 > /dev/null && echo loopback is up\n',
	});
	const result = await project.build('--network', 'none');
	t.is(result.exitCode, 0, result.stderr);
	t.regex(result.stderr, /^#\d+ [\d.]+ {2}lo\n#\d+ [\d.]+ loopback is up$/mv);
});

test('a step knows the hosts of --add-host, whose addresses do not count for the cache', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN tail -n +3 /etc/hosts\n'});
	const hosts = (address: string) => ['--add-host', `one:${address}`, '--add-host', 'two=[::2],three:host-gateway'];
	const first = await project.build(...hosts('10.0.0.1'));
	t.regex(stepOutput(first.stderr), /^10\.0\.0\.1\tone\n::2\ttwo\n(?:\d+\.){3}\d+\tthree\n$/v);
	const second = await project.build(...hosts('10.0.0.2'));
	t.regex(second.stderr, /RUN tail.*\n#\d+ CACHED/v);
	const third = await project.build('--add-host', 'other:10.0.0.1');
	t.is(stepOutput(third.stderr), '10.0.0.1\tother\n');
});

test('a step has the limits of --ulimit and the size of --shm-size, and runs again with others', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN ulimit -Sn; ulimit -Hn; ulimit -c; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2\n'});
	const first = await project.build('--ulimit', 'nofile=1', '--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--shm-size', '1m');
	t.is(first.exitCode, 0, first.stderr);
	t.is(stepOutput(first.stderr), '100\n200\n0\n1024\n');
	const second = await project.build('--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--shm-size', '2m');
	t.is(stepOutput(second.stderr), '100\n200\n0\n2048\n');
	const third = await project.build('--ulimit', 'core=0', '--ulimit', 'nofile=100:200', '--shm-size', '2048k', '--memory', '1g');
	t.regex(third.stderr, /RUN ulimit.*\n#\d+ CACHED/v);
});

testWithCgroups('a step has the limits of --resource', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null | head -n 1\nRUN tail /dev/zero\n'});
	const result = await project.build('--resource', 'cpu-quota=25000', '--resource', 'cpu-period=50000', '--resource', 'memory=32m');
	t.regex(result.stderr, /^#\d+ [\d.]+ 25000(?: 50000)?$/mv);
	t.regex(result.stderr, /out of memory \(limit 32MiB/v);
});

test('the platform may come from DOCKER_DEFAULT_PLATFORM, unless the command line names one', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n'});
	const layout = path.join(project.directory, 'layout');
	const architecture = async (...args: readonly string[]) => {
		await project.buildIn({DOCKER_DEFAULT_PLATFORM: 'linux/s390x'}, '-o', `type=oci,tar=false,dest=${layout}`, ...args);
		const config = execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${layout}`], {encoding: 'utf8'});
		await rm(layout, {recursive: true});
		return (JSON.parse(config) as {readonly architecture: string}).architecture;
	};

	t.is(await architecture(), 's390x');
	t.is(await architecture('--platform', 'linux/arm64'), 'arm64');
});
