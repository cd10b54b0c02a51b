import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeProject} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {processLimit, testWithCgroups} from '../support/test-with-cgroups.ts';

/** The end of a failed build. */
function lastError(stderr: string): string {
	return stderr.slice(stderr.lastIndexOf('\nERROR: ') + 1);
}

const fails = test.macro({
	async exec(t, {command, flags, ending}: {readonly command: string; readonly flags: readonly string[]; readonly ending: string}) {
		t.timeout(600_000);
		await using project = await makeProject({Dockerfile: `FROM base\nRUN ${command}\n`});
		const failed = await project.build(...flags);
		t.is(failed.exitCode, 1, failed.stderr);
		t.is(lastError(failed.stderr), `ERROR: failed to build: failed to solve: process ${JSON.stringify(`/bin/sh -c ${command}`)} did not complete successfully: exit code: ${ending}`);
		// The store and the machine are as before.
		await project.write({Dockerfile: 'FROM base\nRUN echo works\n'});
		const next = await project.build();
		t.is(stepOutput(next.stderr), 'works\n', next.stderr);
	},
	title: (name = '') => `${name} ends as a failed step, and the next build works`,
});

testWithCgroups('a memory hog', fails, {
	command: 'tail /dev/zero',
	flags: ['--memory', '64m', '--memory-swap', '64m'],
	ending: '137: killed: out of memory (limit 64MiB, peak 64MiB)\nGive the step more memory with --memory.\n',
});

testWithCgroups('a fork bomb', fails, {
	command: 'bomb() { while :; do bomb & done; }; bomb 2>/dev/null',
	flags: ['--pids-limit', '100'],
	ending: '2: the step reached its limit of 100 processes\nGive the step more processes with --pids-limit.\n',
});

testWithCgroups('a step that needs more processes than it may have', fails, {
	command: 'set -e; for i in $(seq 20); do sleep 1000 & done',
	flags: ['--pids-limit', '10'],
	ending: '2: the step reached its limit of 10 processes\nGive the step more processes with --pids-limit.\n',
});

test('an endless loop', fails, {
	command: 'while :; do :; done',
	flags: ['--timeout', '500ms'],
	ending: '137: killed: it ran for longer than 0.5s\nGive steps more time with --timeout.\n',
});

test('a step that ignores all signals and has stopped itself', fails, {
	command: 'trap "" INT TERM HUP; sh -c \'kill -STOP $$\'; true',
	flags: ['--timeout', '500ms'],
	ending: '137: killed: it ran for longer than 0.5s\nGive steps more time with --timeout.\n',
});

testWithCgroups('a step has a limit of processes by default, which may be taken away', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null | head -n 1\n'});
	const limited = await project.build('--no-cache');
	t.is(stepOutput(limited.stderr), `${processLimit}\n`);
	const unlimited = await project.build('--no-cache', '--pids-limit', '-1');
	t.is(stepOutput(unlimited.stderr), 'max\n');
});

test('a step that ends in time is not touched by --timeout', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo done\n'});
	const result = await project.build('--timeout', '10000h');
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'done\n');
});

for (const text of ['10', 'x', '-1s', '']) {
	test(`--timeout ${JSON.stringify(text)} is refused`, async t => {
		await using project = await makeProject({Dockerfile: 'FROM base\n'});
		const {exitCode, stderr} = await project.build(`--timeout=${text}`);
		t.is(exitCode, 1);
		t.regex(stderr, /invalid argument .* for "--timeout" flag/v);
	});
}

type StepOfMetadata = {readonly name: string; readonly usage: Readonly<Record<string, number>>};

testWithCgroups('what each step has used is in the metadata, and in the raw events', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN head -c 30000000 /dev/zero | tail -c 30000000 >/dev/null\nRUN sleep 0 & sleep 0 & sleep 0 & wait\n'});
	const file = path.join(project.directory, 'metadata.json');
	const {exitCode, stderr} = await project.buildIn({TSBUILD_METADATA_STEPS: '1'}, '--progress', 'rawjson', '--metadata-file', file);
	t.is(exitCode, 0, stderr);
	const metadata = JSON.parse(await readFile(file, 'utf8')) as {readonly 'tsbuild.steps': readonly StepOfMetadata[]};
	const [hog, forks] = metadata['tsbuild.steps'];
	t.is(hog!.name, '[1/3] RUN head -c 30000000 /dev/zero | tail -c 30000000 >/dev/null');
	t.true(hog!.usage.peakMemory! > 30_000_000, JSON.stringify(hog));
	t.true(hog!.usage.userTime! + hog!.usage.systemTime! > 0);
	t.true(forks!.usage.peakProcesses! >= 2, JSON.stringify(forks));
	const events = stderr.trim().split('\n').map(line => JSON.parse(line) as {readonly vertexes?: readonly StepOfMetadata[]});
	const told = events.flatMap(({vertexes = []}) => vertexes).filter(({usage}) => usage !== undefined);
	t.deepEqual(told.map(({name, usage}) => ({name, usage})), metadata['tsbuild.steps'].map(({name, usage}) => ({name, usage})));
	const cached = await project.buildIn({TSBUILD_METADATA_STEPS: '1'}, '--metadata-file', file);
	t.is(cached.exitCode, 0);
	t.notRegex(await readFile(file, 'utf8'), /tsbuild\.steps/v);
});
