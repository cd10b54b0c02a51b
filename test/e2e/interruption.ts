import test from 'ava';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject} from '../support/project.ts';
import {waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

const endless = `FROM base
RUN echo kept > /kept
RUN echo begun; sleep 1000 & sleep 1000
`;

const ends = test.macro({
	async exec(t, signal: NodeJS.Signals) {
		await using project = await makeProject({Dockerfile: endless});
		const build = project.start();
		await waitForText(build.stderr, ' begun\n');
		build.kill(signal);
		t.is(await waitForExit(build), 130);
		await assertNothingLeft(t, project.root);
	},
	title: (_, signal: NodeJS.Signals) => `${signal} ends the running step and the build with exit code 130, and nothing is left`,
});

test(ends, 'SIGINT');
test(ends, 'SIGTERM');

test('after SIGKILL in the middle of a step, the next build sweeps all that was left', async t => {
	await using project = await makeProject({Dockerfile: endless});
	const killed = project.start();
	await waitForText(killed.stderr, ' begun\n');
	killed.kill('SIGKILL');
	t.is(await waitForExit(killed), 137);
	await project.write({Dockerfile: 'FROM base\nRUN echo kept > /kept\nRUN true\n'});
	const next = await project.build('-t', 'next:1');
	t.is(next.exitCode, 0, next.stderr);
	t.regex(next.stderr, /RUN echo kept > \/kept\n#\d+ CACHED/v);
	await assertNothingLeft(t, project.root);
});
