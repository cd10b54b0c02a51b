import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {sweepCgroups} from '../../../solver/executor/open-cgroups.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeStepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

const builder = `
import {prepareContainerEnvironment} from ${JSON.stringify(import.meta.resolve('../../../solver/executor/container-environment.ts'))};
import {makeStepRoot} from ${JSON.stringify(import.meta.resolve('../../support/step.ts'))};
const [, id, user] = process.argv;
const root = await makeStepRoot();
console.log(root.lower);
await root.run('echo ready; exec sleep 600', {environment: await prepareContainerEnvironment(), id, user, output: (_stream, data) => process.stdout.write(data)});
`;

const endsWithBuilder = test.macro(async (t, user: string) => {
	const id = `test-${crypto.randomUUID()}`;
	const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', builder, id, user], {stdio: ['ignore', 'pipe', 'inherit']});
	let output = '';
	for await (const data of child.stdout) {
		output += String(data);
		if (output.includes('ready')) {
			break;
		}
	}

	t.true(isRunningIn(id));
	child.kill('SIGKILL');
	await once(child, 'exit');
	while (isRunningIn(id)) {
		await setImmediate();
	}

	await sweepCgroups(environment.cgroups, name => name === id);
	await rm(path.dirname(output.split('\n', 1)[0]!), {recursive: true});
});

const testWithCgroups = testWhere(environment.cgroups.kind !== 'unavailable', 'it needs cgroups');

testWithCgroups('a step ends with a tsbuild that is killed', endsWithBuilder, '');
testWithCgroups('a step of a user ends with a tsbuild that is killed', endsWithBuilder, 'user');

test('containers at the same time have their own output and their own exit code', async t => {
	const numbers = Array.from({length: 24}, (_, index) => index);
	const results = await Promise.all(numbers.map(async number => {
		await using root = await makeStepRoot();
		const {stdout, stderr, exitCode} = await root.run(`for i in 1 2 3; do echo out${number}; echo err${number} >&2; done; exit ${number}`, {environment});
		return {stdout, stderr, exitCode};
	}));
	t.deepEqual(results, numbers.map(number => ({stdout: `out${number}\n`.repeat(3), stderr: `err${number}\n`.repeat(3), exitCode: number})));
});

test('canceling some containers leaves the others alone', async t => {
	const controller = new AbortController();
	await using first = await makeStepRoot();
	await using second = await makeStepRoot();
	const canceled = first.run('echo; sleep 600', {
		environment,
		signal: controller.signal,
		output() {
			controller.abort();
		},
	});
	const [one, other] = await Promise.allSettled([canceled, second.run('echo fine', {environment})]);
	t.is(one.status, 'rejected');
	t.is(other.status === 'fulfilled' && other.value.stdout, 'fine\n');
});

test('children of this process are started in its own namespaces afterwards', async t => {
	await using root = await makeStepRoot();
	await root.run('true', {environment});
	const child = spawn('/bin/sh', ['-c', 'readlink /proc/self/ns/pid /proc/self/ns/mnt'], {stdio: ['ignore', 'pipe', 'inherit']});
	const [data] = await once(child.stdout, 'data') as [Uint8Array];
	t.is(String(data), `${readlinkSync('/proc/self/ns/pid')}\n${readlinkSync('/proc/self/ns/mnt')}\n`);
});

// Processes are told by their cgroup, which carries the container's id.
function isRunningIn(id: string): boolean {
	return readdirSync('/proc').some(name => {
		try {
			return readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(id);
		} catch {
			// Not a process, or no longer one.
			return false;
		}
	});
}
