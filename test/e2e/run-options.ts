import test from 'ava';
import {makeProject} from '../support/project.ts';

test('proxies given as build arguments reach RUN, and neither the cache key nor the image', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo "[$HTTP_PROXY] [$no_proxy]"\n'});
	const first = await project.build('-t', 'app:1', '--build-arg', 'HTTP_PROXY=http://one', '--build-arg', 'no_proxy=two');
	t.regex(first.stderr, /^#\d+ [\d.]+ \[http:\/\/one\] \[two\]$/mv);
	const second = await project.build('-t', 'app:1', '--build-arg', 'HTTP_PROXY=http://other');
	t.regex(second.stderr, /RUN echo .*\n#\d+ CACHED/v);
});

test('a step that needs more memory than its limit fails and says so, and the build goes on to be usable', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN tail /dev/zero\n'});
	const result = await project.build('--memory', '32m');
	t.is(result.exitCode, 1);
	t.regex(result.stderr, /^ERROR: failed to build: failed to solve: process "\/bin\/sh -c tail \/dev\/zero" did not complete successfully: .*out of memory \(limit 32MiB/mv);
});

test('a step that makes more processes than its limit cannot, and ends', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN for i in $(seq 50); do sleep 1000 & done; echo all begun\n'});
	const result = await project.build('--pids-limit', '20');
	t.is(result.exitCode, 1, result.stderr);
	t.regex(result.stderr, /can't fork/v);
});

test('a step sees the limit of its CPUs', async t => {
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
