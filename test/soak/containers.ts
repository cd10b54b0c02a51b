import {globSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {setImmediate} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import PQueue from 'p-queue';
import test from 'ava';
import {prepareContainerEnvironment} from '../../solver/executor/container-environment.ts';
import {makeStepRoot, type StepRoot} from '../support/step.ts';

/** How many run in a row, and again as many at the same time as others. */
const containers = Number(process.env.TSBUILD_SOAK_CONTAINERS ?? 2500);

// Code is compiled, caches are filled and sockets are pooled by then.
const warmUp = 200;

// Mebibytes that the heap may be larger after the last container than after the warm-up: what the collector leaves varies by less.
const tolerance = 2;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const environment = await prepareContainerEnvironment();

const leavesNothing = test.macro({
	async exec(t, concurrency: number) {
		t.timeout(3_600_000);
		await using root = await makeStepRoot();
		const before = systemState(root);
		const durations: number[] = [];
		const results = new Set<string>();
		const queue = new PQueue({concurrency});
		const runOne = async () => {
			const started = performance.now();
			// A process that is left behind, and one that nobody waits for.
			const {stdout, exitCode} = await root.run('sleep 1000 & (true &); echo ok', {environment});
			durations.push(performance.now() - started);
			results.add(`${exitCode} ${stdout}`);
		};

		const run = async (count: number) => queue.addAll(Array.from({length: count}, () => runOne));
		await run(warmUp);
		const afterWarmUp = await usage();
		await run(containers - warmUp);
		const {heap, descriptors} = await usage();
		t.deepEqual([...results], ['0 ok\n']);
		durations.sort((first, second) => first - second);
		const median = durations[Math.floor(containers / 2)]!;
		t.log(`median ${median.toFixed(1)} ms, fastest ${durations[0]!.toFixed(1)} ms, heap ${afterWarmUp.heap.toFixed(1)} to ${heap.toFixed(1)} MiB, ${descriptors} descriptors`);
		t.true(heap - afterWarmUp.heap < tolerance, `the heap has grown from ${afterWarmUp.heap} to ${heap} MiB`);
		t.is(descriptors, afterWarmUp.descriptors);
		t.deepEqual(systemState(root), before);
	},
	title: (_, concurrency: number) => `${containers} containers, ${concurrency} at a time, leave no memory, descriptor, mount, cgroup or process`,
});

test.serial(leavesNothing, 1);
test.serial(leavesNothing, 8);

async function usage(): Promise<{readonly heap: number; readonly descriptors: number}> {
	// The promises of this turn of the event loop still hold what was awaited, and handles are closed at its end.
	await setImmediate();
	await setImmediate();
	collectGarbage();
	return {heap: process.memoryUsage().heapUsed / (1024 * 1024), descriptors: readdirSync('/proc/self/fd').length};
}

/** Other tests run containers, too: theirs have other names, and mounts in other places. */
function systemState({lower}: StepRoot) {
	const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
	return {
		mounts: mounts.filter(line => line.includes(path.dirname(lower))),
		children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8'),
		cgroups: globSync('/sys/fs/cgroup/{tsbuild,*/tsbuild}/test-*'),
	};
}
