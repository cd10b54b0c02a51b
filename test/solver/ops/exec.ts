import {readdirSync, readlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {entitlements} from '../../../src/definition/entitlements.ts';
import {StepNetworks} from '../../../solver/network/step-networks.ts';
import {ProcessError} from '../../../solver/ops/process-error.ts';
import {SolveError} from '../../../solver/solve-error.ts';
import {makeTemporaryBaseImage, type BaseImage} from '../../support/base-image.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {
	BuildSteps,
	solveBuild,
	type RunOptions,
	type SolveBuildOptions,
	type SolvedBuild,
} from '../../support/build-steps.ts';

/** Runs one step on the base image. */
async function run(build: BuildStore, base: BaseImage, script: string | readonly string[], {signal, limits, ...options}: RunOptions & SolveBuildOptions = {}): Promise<SolvedBuild> {
	const steps = new BuildSteps();
	const definition = steps.finish(steps.run(steps.from(base), script, options));
	return solveBuild(build, definition, {entitlements: new Set(entitlements), ...(signal && {signal}), ...(limits && {limits})});
}

async function failure(t: ExecutionContext, running: Promise<SolvedBuild>): Promise<ProcessError> {
	const error = await t.throwsAsync(running, {instanceOf: SolveError});
	t.true(error.cause instanceof ProcessError);
	t.is(error.message, `failed to solve: ${(error.cause as Error).message}`);
	return error.cause as ProcessError;
}

test('the result of a step is its root afterwards', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {snapshot, output} = await run(build, base, 'echo told; mkdir -m 711 /made; echo text >/made/file; chown 5:6 /made/file; rm -r /tmp');
	t.is(output, 'told\n');
	const names = await build.list(snapshot);
	t.true(names.includes('/made 0711 0:0 directory'));
	t.true(names.includes(String.raw`/made/file 0644 5:6 file "text\n"`));
	t.false(names.some(name => name.startsWith('/tmp ')));
	t.false(names.some(name => name.startsWith('/etc/resolv.conf ')), 'what was mounted on leaves no trace');
});

test('a step sees its arguments, environment, directory and user', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {output} = await run(build, base, ['/bin/sh', '-c', 'echo "$1" "$COLOR" "$(pwd)" "$(id -u):$(id -g)" "$(hostname)"', 'sh', 'two words'], {
		env: ['PATH=/bin', 'COLOR=blue'], cwd: '/tmp', user: '1000:1001',
	});
	t.is(output, 'two words blue /tmp 1000:1001 buildkitsandbox\n');
});

test('a step that fails is told in BuildKit\'s words, and leaves nothing', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	await run(build, base, 'true');
	const before = readdirSync(path.join(build.store.root, 'snapshots'));
	const error = await failure(t, run(build, base, 'echo x >/x; exit 42'));
	t.is(error.message, 'process "/bin/sh -c echo x >/x; exit 42" did not complete successfully: exit code: 42');
	t.is(error.code, 'ERR_TSBUILD_PROCESS');
	t.is(error.exitCode, 42);
	t.deepEqual(readdirSync(path.join(build.store.root, 'snapshots')), before);
});

test('arguments are quoted as Go does it', t => {
	const {message} = new ProcessError(['sh', '-c', 'a\n\t"b"\\\u{1}é😀\u{200B}'], {exitCode: 1, outOfMemory: false});
	t.is(message, String.raw`process "sh -c a\n\t\"b\"\\\x01é😀\u200b" did not complete successfully: exit code: 1`);
});

test('a program that is not there is exit code 1', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const error = await failure(t, run(build, base, ['nosuchcmd', '--flag']));
	t.is(error.message, 'process "nosuchcmd --flag" did not complete successfully: exit code: 1');
});

test('a user that is not there', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const error = await failure(t, run(build, base, 'id', {user: 'nosuch'}));
	t.is(error.message, 'process "/bin/sh -c id" did not complete successfully: unable to find user nosuch: no matching entries in passwd file');
	t.is(error.exitCode, undefined);
	t.truthy(error.hint);
});

test('a step without memory is told with its limit', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const error = await failure(t, run(build, base, ['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'], {limits: {memory: 32 * 1024 * 1024, memorySwap: 32 * 1024 * 1024}}));
	t.regex(error.message, /did not complete successfully: exit code: 137: killed: out of memory \(limit 32MiB, peak 32MiB\)$/v);
	t.true(error.outOfMemory);
});

test('a step that is canceled ends, and its snapshot is gone', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	await run(build, base, 'true');
	const before = readdirSync(path.join(build.store.root, 'snapshots'));
	const controller = new AbortController();
	const reason = new Error('enough');
	const steps = new BuildSteps();
	const definition = steps.finish(steps.run(steps.from(base), 'echo started; sleep 1000'));
	const running = solveBuild(build, definition, {
		signal: controller.signal,
		onOutput() {
			controller.abort(reason);
		},
	});
	const error = await t.throwsAsync(running);
	t.is(error, reason);
	t.deepEqual(readdirSync(path.join(build.store.root, 'snapshots')), before);
});

test('steps that name no network share one that is not the host\'s; those with all rights of root have another one', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	await using networks = new StepNetworks(line => {
		t.fail(line);
	});
	const steps = new BuildSteps();
	const show = 'readlink /proc/self/ns/net';
	const first = steps.run(steps.from(base), show, {network: 'default'});
	const second = steps.run(first, `sleep 0; ${show}`, {network: 'default'});
	const definition = steps.finish(steps.run(second, show, {network: 'default', security: 'insecure'}));
	const {output} = await solveBuild(build, definition, {entitlements: new Set(['security.insecure']), openNetwork: async stepClass => networks.open(stepClass)});
	const [ofFirst, ofSecond, ofInsecure] = output.split('\n', 3);
	t.is(ofFirst, ofSecond);
	t.is(new Set([ofFirst, ofInsecure, readlinkSync('/proc/self/ns/net')]).size, 3);
});

test('a mount shows a part of an input, and what is written to it is thrown away', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const mounted = async (script: string, isReadOnly: boolean) => {
		const steps = new BuildSteps();
		const from = steps.from(base);
		const input = steps.files(null, [steps.context()], [{...plainCopy, input: 0, destination: '/data/'}]);
		const definition = steps.finish(steps.run(from, script, {
			inputs: [input],
			mounts: [{
				type: 'bind', input: 1, source: '/data', target: '/mnt/in', readOnly: isReadOnly,
			}],
		}));
		return solveBuild(build, definition);
	};

	writeFileSync(path.join(build.context, 'a'), 'A');
	const {output, snapshot} = await mounted('cat /mnt/in/a; echo B >/mnt/in/b; ls /mnt/in', false);
	t.is(output, 'Aa\nb\n');
	const names = await build.list(snapshot);
	t.deepEqual(names.filter(name => name.startsWith('/mnt')), []);
	const error = await failure(t, mounted('touch /mnt/in/b', true));
	t.is(error.exitCode, 1);

	const cached = await mounted('cat /mnt/in/a; echo B >/mnt/in/b; ls /mnt/in', false);
	t.deepEqual(cached.executed, ['context']);
	writeFileSync(path.join(build.context, 'a'), 'changed');
	const changed = await mounted('cat /mnt/in/a; echo B >/mnt/in/b; ls /mnt/in', false);
	t.is(changed.output, 'changeda\nb\n');
});

test('a whole snapshot is mounted, and an empty one', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const from = steps.from(base);
	const script = steps.files(null, [], [{
		action: 'make-file', path: '/SCRIPT', content: '#!/bin/sh\necho from the script\n', mode: 0o755,
	}]);
	const definition = steps.finish(steps.run(from, '/dev/pipes/SCRIPT; ls -A /empty; touch /empty/x /dev/pipes/x', {
		inputs: [script],
		mounts: [
			{
				type: 'bind', input: 1, source: '/', target: '/dev/pipes', readOnly: true,
			},
			{
				type: 'bind', input: null, source: '/', target: '/empty', readOnly: true,
			},
		],
	}));
	const output: string[] = [];
	await failure(t, solveBuild(build, definition, {
		onOutput(text) {
			output.push(text);
		},
	}));
	t.is(output.join(''), 'from the script\ntouch: /empty/x: Read-only file system\ntouch: /dev/pipes/x: Read-only file system\n');
});

test('what a step sees is part of its key, what limits it is not', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const script = 'true';
	const isCached = async (options: RunOptions & SolveBuildOptions) => {
		const {cached} = await run(build, base, script, options);
		return cached.includes('RUN true');
	};

	t.false(await isCached({}));
	t.true(await isCached({}));
	t.true(await isCached({limits: {memory: 64 * 1024 * 1024}}));
	for (const options of [{env: ['PATH=/bin']}, {cwd: '/tmp'}, {user: '5'}, {network: 'host'}, {platform: {os: 'linux', architecture: '386'}}] as const) {
		t.false(await isCached(options), `${JSON.stringify(options)} is new`);
		t.true(await isCached(options), `${JSON.stringify(options)} is known`);
	}
});
