import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {open} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {testedProgram, waitForExit} from '../support/tsbuild.ts';
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
test(ends, 'SIGHUP');

/** The numbers of the processes that have the word among their arguments. */
function findProcesses(word: string): readonly string[] {
	return readdirSync('/proc').filter(name => {
		try {
			return /^\d+$/v.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(word);
		} catch {
			// It has just ended.
			return false;
		}
	});
}

/** A number of seconds that no other test sleeps for. */
function uniqueSeconds(): string {
	return String(1_000_000 + Math.floor(Math.random() * 1_000_000_000));
}

async function untilGone(word: string): Promise<void> {
	while (findProcesses(word).length > 0) {
		await setImmediate();
	}
}

test('one SIGINT ends all of many steps that run at once', async t => {
	const seconds = uniqueSeconds();
	const count = 8;
	const stages = Array.from({length: count}, (_, index) => `FROM base AS s${index}\nRUN echo ${index}; (trap "" INT TERM; sleep ${seconds}) & setsid sleep ${seconds} & sleep ${seconds}\n`);
	const copies = Array.from({length: count}, (_, index) => `COPY --from=s${index} /etc /etc\n`);
	await using project = await makeProject({Dockerfile: `${stages.join('')}FROM base\n${copies.join('')}`});
	const build = project.start();
	build.stderr.resume();
	while (findProcesses(seconds).length < 3 * count) {
		await setImmediate();
	}

	build.kill('SIGINT');
	t.is(await waitForExit(build), 130);
	t.deepEqual(findProcesses(seconds), []);
	await assertNothingLeft(t, project.root);
});

test('SIGKILL of tsbuild ends all processes of a step at once, and the next build sweeps the rest', async t => {
	const seconds = uniqueSeconds();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN sh -c 'sleep ${seconds} & setsid sleep ${seconds} & wait' & echo begun; sleep ${seconds}\n`});
	const killed = project.start();
	await waitForText(killed.stderr, ' begun\n');
	killed.kill('SIGKILL');
	t.is(await waitForExit(killed), 137);
	await untilGone(seconds);
	await project.write({Dockerfile: 'FROM base\nRUN true\n'});
	const next = await project.build();
	t.is(next.exitCode, 0, next.stderr);
	await assertNothingLeft(t, project.root);
});

test('a build that is stopped (Ctrl-Z) goes on later', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo begun; sleep 0.2; echo done\n'});
	const build = project.start();
	await waitForText(build.stderr, ' begun\n');
	build.kill('SIGSTOP');
	build.kill('SIGCONT');
	t.is(await waitForExit(build), 0);
});

test('a build whose reader has gone comes to its end', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo begun; seq 100000; exit 3\n'});
	const build = project.start();
	await waitForText(build.stderr, ' begun\n');
	build.stderr.destroy();
	t.is(await waitForExit(build), 1);
});

test('a second signal does not wait for what the first one does', async t => {
	const seconds = uniqueSeconds();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN echo begun; sleep ${seconds}\n`});
	const build = project.start();
	await waitForText(build.stderr, ' begun\n');
	let rest = '';
	build.stderr.on('data', (text: string) => {
		rest += text;
	});
	// Both are there when tsbuild looks.
	build.kill('SIGSTOP');
	build.kill('SIGINT');
	build.kill('SIGTERM');
	build.kill('SIGCONT');
	t.is(await waitForExit(build), 130);
	t.regex(rest, /^ERROR: killed before all was cleaned up; the next build does that\n$/mv);
	await untilGone(seconds);
	await project.write({Dockerfile: 'FROM base\nRUN echo next\n'});
	const next = await project.build();
	t.is(stepOutput(next.stderr), 'next\n', next.stderr);
});

test('a step ends with its first process, whoever else holds its output open', async t => {
	const seconds = uniqueSeconds();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN (trap "" HUP TERM; sleep ${seconds}) & setsid sleep ${seconds} & echo over\n`});
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'over\n');
	t.deepEqual(findProcesses(seconds), []);
});

test('a step that closes its outputs goes on', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN exec >&- 2>&-; sleep 0.1; echo lost; echo kept > /kept\nRUN cat /kept\n'});
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'kept\n');
});

test('the first process is the command itself, which does not hear signals that it sends itself', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN kill -9 $$; kill -SEGV $$; kill -TERM $$; echo alive\n'});
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'alive\n');
});

const endsByChild = test.macro({
	async exec(t, signal: string, exitCode: number) {
		await using project = await makeProject({Dockerfile: `FROM base\nRUN sh -c 'kill -${signal} $$; true'; exit $?\n`});
		const {stderr} = await project.build();
		t.regex(stderr, new RegExp(`exit code: ${exitCode}$`, 'mv'));
	},
	title: (_, signal: string) => `a child that SIG${signal} ends gives the step 128 and its number as exit code`,
});

test(endsByChild, 'KILL', 137);
test(endsByChild, 'SEGV', 139);
test(endsByChild, 'TERM', 143);

test('a terminal that is closed ends the build', async t => {
	const seconds = uniqueSeconds();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN sleep ${seconds}\n`});
	const build = project.start();
	build.stderr.resume();
	while (findProcesses(seconds).length === 0) {
		await setImmediate();
	}

	build.stderr.destroy();
	build.kill('SIGHUP');
	t.is(await waitForExit(build), 130);
	t.deepEqual(findProcesses(seconds), []);
});

test('a reader who does not read keeps no build from its end', async t => {
	const seconds = uniqueSeconds();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN yes $(printf %01000d 1) | head -c 600000; sleep ${seconds} & yes\n`});
	const build = project.start();
	// The reader's buffer has long been full then.
	while (findProcesses(seconds).length === 0) {
		await setImmediate();
	}

	build.kill('SIGINT');
	await once(build, 'exit');
	t.is(build.exitCode, 130);
	t.deepEqual(findProcesses(seconds), []);
});

test('a reader of the result who does not read keeps no build from its end either', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN head -c 5000000 /dev/zero > /zeros\n'});
	const build = project.start('-o', 'type=tar,dest=-');
	build.stderr.resume();
	await once(build.stdout, 'readable');
	build.kill('SIGTERM');
	await once(build, 'exit');
	t.is(build.exitCode, 130);
});

test('standard input that does not come keeps no build from its end', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\n'});
	const build = spawn(process.execPath, [testedProgram, 'build', '--root', project.root, '--progress', 'plain', '-'], {stdio: 'pipe'});
	build.stderr.resume();
	// Made before anything is read.
	while (!existsSync(project.root)) {
		await setImmediate();
	}

	build.kill('SIGINT');
	await once(build, 'exit');
	t.is(build.exitCode, 130);
});

test('a file that cannot be read to its end keeps no build from its end when it is told twice', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=secret,id=fifo cat /run/secrets/fifo\n'});
	const fifo = path.join(project.directory, 'fifo');
	execFileSync('mkfifo', [fifo]);
	const build = project.start('--secret', `id=fifo,src=${fifo}`);
	await waitForText(build.stderr, ' RUN --mount=type=secret');
	// Opens when it is read.
	const file = await open(fifo, 'w');
	build.kill('SIGINT');
	build.kill('SIGTERM');
	await once(build, 'exit');
	t.is(build.exitCode, 130);
	await file.close();
	await project.write({Dockerfile: 'FROM base\nRUN true\n'});
	const next = await project.build();
	t.is(next.exitCode, 0, next.stderr);
});
