import test, {type ExecutionContext} from 'ava';
import {makeProject, type Project} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

const count = 8;

/** Builds the project several times at once, each time with another `NUMBER`. */
async function buildTogether(t: ExecutionContext, project: Project): Promise<void> {
	// The base image is there already: the builds have only their step to do.
	await project.build('--target', 'begin');
	const results = await Promise.all(Array.from({length: count}, async (_, index) => project.build('--build-arg', `NUMBER=${index}`)));
	t.deepEqual(results.map(({exitCode, stderr}) => (exitCode === 0 ? '' : stderr)).filter(stderr => stderr !== ''), []);
}

/** A project whose last stage runs a step with a `NUMBER` of its own. */
async function makeCacheProject(step: string): Promise<Project> {
	return makeProject({Dockerfile: `FROM base AS begin\nRUN true\nFROM begin\nARG NUMBER\n${step}\n`});
}

/** What is in a cache. */
async function readCache(project: Project, mount: string, command: string): Promise<string> {
	await project.write({Dockerfile: `FROM base\nRUN --mount=type=cache,target=/c,${mount} ${command}\n`});
	const {stderr} = await project.build('--no-cache');
	return stepOutput(stderr);
}

const everybody = Array.from({length: count}, (_, index) => `${index}\n`).join('');

test('of builds that lock a cache, one has it at a time', async t => {
	t.timeout(300_000);
	await using project = await makeCacheProject([
		'RUN --mount=type=cache,target=/c,id=l,sharing=locked <<EOF',
		'set -e',
		'mkdir /c/busy',
		'echo $NUMBER >> /c/log',
		'rmdir /c/busy',
		'EOF',
	].join('\n'));
	await buildTogether(t, project);
	t.is(await readCache(project, 'id=l', 'sort /c/log'), everybody);
});

test('builds that share a cache have it together, those with a private one never meet there', async t => {
	t.timeout(300_000);
	await using project = await makeCacheProject([
		'RUN --mount=type=cache,target=/p,id=p,sharing=private --mount=type=cache,target=/s,id=s <<EOF',
		'set -e',
		'mkdir /p/busy',
		'touch /s/$NUMBER',
		`timeout 200 sh -c 'while [ $(ls /s | wc -l) -lt ${count} ]; do sleep 0.02; done'`,
		'echo $NUMBER >> /p/log',
		'rmdir /p/busy',
		'EOF',
	].join('\n'));
	await buildTogether(t, project);
	t.is(await readCache(project, 'id=s', 'ls /c'), everybody);
	t.is(await readCache(project, 'id=p,sharing=private', 'wc -l < /c/log'), '1\n');
});

for (const sharing of ['shared', 'private', 'locked']) {
	test(`a ${sharing} cache has what a build has written before SIGKILL, and is free again`, async t => {
		await using project = await makeProject({Dockerfile: `FROM base\nRUN --mount=type=cache,target=/c,sharing=${sharing} echo kept > /c/file; echo begun; sleep 1000\n`});
		const killed = project.start();
		await waitForText(killed.stderr, ' begun\n');
		killed.kill('SIGKILL');
		await waitForExit(killed);
		t.is(await readCache(project, `sharing=${sharing}`, 'cat /c/file'), 'kept\n');
	});
}
