import {randomUUID} from 'node:crypto';
import {existsSync, rmdirSync} from 'node:fs';
import {glob} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {prepareCgroups} from '../../solver/executor/cgroup-hierarchy.ts';
import {testWhere} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

const {kind} = await prepareCgroups();
const testWithCgroups = testWhere(kind !== 'unavailable', 'it needs cgroups');

/** A group of the test's own, which is removed with those in it that are empty. */
function chooseGroup() {
	const name = `tsbuild-test-${randomUUID()}`;
	const findGroups = async (below = '') => {
		const found = await Array.fromAsync(glob(`/sys/fs/cgroup/{.,*}/${name}${below}`));
		return found.map(directory => path.resolve(directory));
	};

	return {
		name,
		/** Those that steps have. */
		findSteps: async () => findGroups('/tsbuild/*-*'),
		async [Symbol.asyncDispose]() {
			for (const directory of await findGroups()) {
				for (const made of [path.join(directory, 'tsbuild'), directory]) {
					if (existsSync(made)) {
						rmdirSync(made);
					}
				}
			}
		},
	};
}

testWithCgroups('steps are in the cgroup of --cgroup-parent', async t => {
	await using group = chooseGroup();
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo begun; sleep 1000\n'});
	const build = project.start('--cgroup-parent', `/${group.name}`);
	await waitForText(build.stderr, ' begun\n');
	const steps = await group.findSteps();
	t.not(steps.length, 0);
	build.kill('SIGINT');
	t.is(await waitForExit(build), 130);
	t.deepEqual(await group.findSteps(), []);
});

testWithCgroups('what a killed build leaves in the cgroup of --cgroup-parent is swept by a build without it', async t => {
	await using group = chooseGroup();
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo begun; sleep 1000\n'});
	const killed = project.start('--cgroup-parent', group.name);
	await waitForText(killed.stderr, ' begun\n');
	killed.kill('SIGKILL');
	t.is(await waitForExit(killed), 137);
	const left = await group.findSteps();
	t.not(left.length, 0);
	await project.write({Dockerfile: 'FROM base\nRUN echo next\n'});
	const next = await project.build();
	t.is(stepOutput(next.stderr), 'next\n');
	t.deepEqual(await group.findSteps(), []);
});

test('a cgroup parent that leads elsewhere is refused', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\n'});
	const {exitCode, stderr} = await project.build('--cgroup-parent', '../..');
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: invalid cgroup parent "\.\.\/\.\."$/mv);
});
