import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import test from 'ava';
import {prepareContainerEnvironment} from '../../solver/executor/container-environment.ts';
import {makeStepRoot, type StepRoot} from '../support/step.ts';

const containers = 1000;

// Code is compiled, caches are filled and sockets are pooled by then.
const warmUp = 200;

// Mebibytes that the heap may be larger after the last container than after the warm-up: what the collector leaves varies by less.
const tolerance = 2;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('1000 containers in a row leave no memory, descriptor, mount, cgroup or process', async t => {
	const environment = await prepareContainerEnvironment();
	await using root = await makeStepRoot();
	const before = systemState(root);
	const durations: number[] = [];
	const results = new Set<string>();
	let afterWarmUp = usage();
	for (let index = 0; index < containers; index++) {
		const started = performance.now();
		const {stdout, exitCode} = await root.run('echo ok', {environment});
		durations.push(performance.now() - started);
		results.add(`${exitCode} ${stdout}`);
		if (index === warmUp) {
			afterWarmUp = usage();
		}
	}

	t.deepEqual([...results], ['0 ok\n']);
	const {heap, descriptors} = usage();
	durations.sort((first, second) => first - second);
	t.log(`median ${durations[containers / 2]!.toFixed(1)} ms, fastest ${durations[0]!.toFixed(1)} ms, heap ${afterWarmUp.heap.toFixed(1)} to ${heap.toFixed(1)} MiB`);
	t.true(heap - afterWarmUp.heap < tolerance, `the heap has grown from ${afterWarmUp.heap} to ${heap} MiB`);
	t.is(descriptors, afterWarmUp.descriptors);
	t.deepEqual(systemState(root), before);
});

function usage(): {readonly heap: number; readonly descriptors: number} {
	collectGarbage();
	return {heap: process.memoryUsage().heapUsed / (1024 * 1024), descriptors: readdirSync('/proc/self/fd').length};
}

/** Other tests mount things, too. */
function systemState({lower}: StepRoot) {
	const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
	return {
		mounts: mounts.filter(line => line.includes(path.dirname(lower))),
		children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8'),
	};
}
