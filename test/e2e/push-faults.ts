import path from 'node:path';
import test from 'ava';
import {startFaultProxy, type Fault, type FaultProxy} from '../support/fault-proxy.ts';
import {makeProject, type Project} from '../support/project.ts';
import {startRegistry, type TestRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {tsbuild, waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

// Several blocks of compression, so that uploads begin before the layers are whole.
const dockerfile = `FROM base
RUN head -c 20000000 /dev/urandom > /noise
RUN head -c 9000000 /dev/urandom > /more
`;

type Scene = AsyncDisposable & {
	readonly project: Project;
	readonly registry: TestRegistry;
	readonly proxy: FaultProxy;
};

/** A registry behind a proxy. The first request of a method is number 0. */
async function makeScene(chooseFault: (method: string, count: number) => Fault | undefined): Promise<Scene> {
	await using cleanup = new AsyncDisposableStack();
	const registry = cleanup.use(await startRegistry());
	const counts = new Map<string, number>();
	const proxy = cleanup.use(await startFaultProxy(registry.host, ({method}) => {
		const count = counts.get(method) ?? 0;
		counts.set(method, count + 1);
		return chooseFault(method, count);
	}));
	const project = cleanup.use(await makeProject({Dockerfile: dockerfile}));
	const kept = cleanup.move();
	return {
		project, registry, proxy, [Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

/** Fetches all of an image past the proxy; every digest is checked. */
async function fetchAll({project, registry}: Scene, name: string): Promise<void> {
	await runCommand('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${registry.host}/${name}`, `dir:${path.join(project.directory, 'pulled')}`]);
}

const survives = test.macro(async (t, chooseFault: (method: string, count: number) => Fault | undefined) => {
	t.timeout(300_000);
	await using scene = await makeScene(chooseFault);
	const built = await scene.project.build('--push', '-t', `${scene.proxy.host}/some/app:1`);
	t.is(built.exitCode, 0, built.stderr);
	await t.notThrowsAsync(fetchAll(scene, 'some/app:1'));
});

test('uploads go on after they were cut while the layers were being made', survives, (method, count) => method === 'PATCH' && count < 3 ? {type: 'cut-request', after: 1_000_000} : undefined);
test('uploads go on behind what the registry has kept', survives, (method, count) => method === 'PATCH' && count < 3 ? {type: 'keep-part', size: 2_000_000} : undefined);
test(
	'a registry that is overloaded is asked again when it says so',
	survives,
	(method, count) => method === 'PATCH' && count === 0 ? {type: 'answer', status: 429, headers: {'retry-after': '1'}} : undefined,
);
test(
	'a registry that fails at the beginning, at the end and at the manifest is asked again',
	survives,
	(method, count) => /^(?:POST|PUT)$/v.test(method) && count % 3 === 0 ? {type: 'answer', status: 503} : undefined,
);

test('the wait for a registry is told', async t => {
	await using scene = await makeScene((method, count) => method === 'PUT' && count === 0 ? {type: 'answer', status: 429, headers: {'retry-after': '1'}} : undefined);
	const built = await scene.project.build('--push', '-t', `${scene.proxy.host}/some/app:1`);
	t.is(built.exitCode, 0, built.stderr);
	t.regex(built.stderr, /^WARNING: 127\.0\.0\.1:\d+ is asked again in 1 s: unexpected status from PUT request to .*: 429 Too Many Requests/mv);
});

test('a push that is interrupted ends, whatever the registry does', async t => {
	await using scene = await makeScene(method => method === 'PATCH' ? {type: 'silence'} : undefined);
	const child = scene.project.start('--push', '-t', `${scene.proxy.host}/some/app:1`);
	const exited = waitForExit(child);
	await waitForText(child.stderr, 'exporting layers');
	child.kill('SIGINT');
	t.is(await exited, 130);
});

test('a push that fails in the middle fails the build, and can be done again', async t => {
	t.timeout(300_000);
	let isBroken = true;
	await using scene = await makeScene(method => isBroken && method === 'PATCH' ? {type: 'answer', status: 507, body: 'no space left'} : undefined);
	const {project, proxy} = scene;
	const name = `${proxy.host}/some/app:1`;
	const failed = await project.build('--push', '-t', name);
	t.is(failed.exitCode, 1);
	t.regex(failed.stderr, /^ERROR: failed to build: failed to solve: failed to push 127\.0\.0\.1:\d+\/some\/app:1: unexpected status from PATCH request/mv);
	t.regex(failed.stderr, /PATCH request to http:\/\/127\.0\.0\.1:\d+\/v2\/some\/app\/blobs\/uploads\/[\d\-a-f]+: 507 Insufficient Storage/v);
	isBroken = false;
	const again = await project.build('--push', '-t', name);
	t.is(again.exitCode, 0, again.stderr);
	t.is(again.stderr.match(/^#\d+ CACHED$/gmv)?.length, 3);
	await t.notThrowsAsync(fetchAll(scene, 'some/app:1'));
});

test('one of two registries that fails fails the build, and no name is given in the other', async t => {
	t.timeout(300_000);
	await using scene = await makeScene(() => undefined);
	await using broken = await makeScene(method => method === 'POST' ? {type: 'answer', status: 403} : undefined);
	const names = [`${scene.proxy.host}/some/app:1`, `${broken.proxy.host}/some/app:1`];
	const {exitCode, stderr} = await scene.project.build('--push', ...names.flatMap(name => ['-t', name]));
	t.is(exitCode, 1);
	t.true(stderr.includes(`failed to push ${names[1]}: `));
	const pulled = await tsbuild(['pull', names[0]!], {root: scene.project.root});
	t.is(pulled.exitCode, 1);
});
