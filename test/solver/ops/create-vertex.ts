import {
	readdirSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {openStore} from '../../../snapshotter/store.ts';
import {SolveError} from '../../../solver/solve-error.ts';
import {makeTemporaryBaseImage, type BaseImage} from '../../support/base-image.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {BuildSteps, solveBuild} from '../../support/build-steps.ts';

/** Two stages: one makes a file, the other takes it and a file of the context. */
function twoStages(base: BaseImage, script: string) {
	const steps = new BuildSteps();
	const from = steps.from(base);
	const built = steps.run(from, script);
	const root = steps.files(from, [], [{
		action: 'make-directory', path: '/app', mode: 0o755, owner: '1000',
	}]);
	const fromStage = steps.files(root, [built], [{...plainCopy, source: '/out', destination: '/app/'}]);
	const fromContext = steps.files(fromStage, [steps.context()], [{...plainCopy, source: '/*.txt', destination: '/text/'}]);
	return steps.finish(steps.run(fromContext, 'cat /app/out /text/*'));
}

test('a build with stages and a context', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	writeFileSync(path.join(build.context, 'a.txt'), 'context\n');
	const {snapshot, output, executed} = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	t.is(output, 'stage\ncontext\n');
	t.is(executed.length, 7);
	const names = await build.list(snapshot);
	t.true(names.includes('/app 0755 1000:1000 directory'));
	t.true(names.includes(String.raw`/text/a.txt 0644 0:0 file "context\n"`));
});

test('a second build takes everything from the cache', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	writeFileSync(path.join(build.context, 'a.txt'), 'context\n');
	const first = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	const second = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	t.deepEqual(second.executed, ['context']);
	t.is(second.cached.length, 6);
	t.is(second.snapshot, first.snapshot);
});

test('the cache outlives the process', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	writeFileSync(path.join(build.context, 'a.txt'), 'context\n');
	const {snapshot} = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	await using store = await openStore(build.store.root);
	const other = Object.assign(Object.create(build) as BuildStore, {store});
	const again = await solveBuild(other, twoStages(base, 'echo stage >/out'));
	t.deepEqual([again.snapshot, again.executed], [snapshot, ['context']]);
});

test('a stage that makes the same file leads to the same steps after it', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	writeFileSync(path.join(build.context, 'a.txt'), 'context\n');
	await solveBuild(build, twoStages(base, 'echo stage >/out'));
	const {executed} = await solveBuild(build, twoStages(base, 'echo noise; echo stage >/out'));
	t.deepEqual(executed, ['RUN echo noise; echo stage >/out', 'context']);
});

test('a change in the context repeats what takes it and what follows', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	writeFileSync(path.join(build.context, 'a.txt'), 'context\n');
	await solveBuild(build, twoStages(base, 'echo stage >/out'));
	writeFileSync(path.join(build.context, 'ignored.md'), 'nobody takes it');
	const unchanged = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	t.deepEqual(unchanged.executed, ['context']);
	writeFileSync(path.join(build.context, 'a.txt'), 'changed\n');
	const changed = await solveBuild(build, twoStages(base, 'echo stage >/out'));
	t.deepEqual(changed.executed, ['COPY /text/', 'RUN cat /app/out /text/*', 'context']);
});

test('independent steps run at the same time', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const from = steps.from(base);
	// Each waits until the other answers on the host's network.
	const meet = (own: number, other: number) => `(while ! echo >/dev/null | nc -w 1 127.0.0.1 ${other}; do :; done) & nc -l -p ${own} -w 60 >/dev/null </dev/null; wait`;
	const first = steps.run(from, meet(39_271, 39_272), {network: 'host'});
	const second = steps.run(from, meet(39_272, 39_271), {network: 'host'});
	const definition = steps.finish(steps.files(null, [first, second], [{...plainCopy, input: 0, source: '/bin/sh'}, {...plainCopy, input: 1, source: '/bin/sh'}]));
	const {executed} = await solveBuild(build, definition, {entitlements: new Set(['network.host'])});
	t.is(executed.length, 4);
});

test('a failed step is named with its place', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const definition = steps.finish(steps.run(steps.from(base), 'exit 3'));
	const error = await t.throwsAsync(solveBuild(build, definition), {instanceOf: SolveError});
	t.like(error.vertex, {name: 'RUN exit 3', locations: [{file: 'Dockerfile', startLine: 1}]});
});

test('an empty definition has no vertex, and an empty stage can be copied from', async t => {
	await using build = await BuildStore.open();
	const nothing = await solveBuild(build, new BuildSteps().finish(null));
	t.is(nothing.snapshot, null);
	const steps = new BuildSteps();
	const {snapshot} = await solveBuild(build, steps.finish(steps.files(null, [], [{...plainCopy, input: null, destination: '/x/'}])));
	t.deepEqual(await build.list(snapshot), ['/x 0755 0:0 directory']);
});

test('a snapshot that was removed is made again', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const definition = steps.finish(steps.run(steps.from(base), 'echo hello'));
	const first = await solveBuild(build, definition);
	await build.store.snapshotter.remove(first.snapshot!);
	const again = await solveBuild(build, definition);
	t.deepEqual(again.executed, ['RUN echo hello']);
	t.not(again.snapshot, first.snapshot);
});

test('a store inside the context is not copied', async t => {
	await using build = await BuildStore.open();
	writeFileSync(path.join(build.context, 'a'), 'A');
	await using store = await openStore(path.join(build.context, '.cache/[store]'));
	const inside = Object.assign(Object.create(build) as BuildStore, {store});
	const steps = new BuildSteps();
	const context = steps.context();
	const definition = steps.finish(steps.files(null, [context], [{...plainCopy, input: 0}]));
	const {snapshot} = await solveBuild(inside, definition);
	t.deepEqual(await inside.list(snapshot), ['/.cache 0700 0:0 directory', '/a 0644 0:0 file "A"']);
	const again = await solveBuild(inside, definition);
	t.deepEqual(again.executed, ['context']);
});

test('a base that is gone is not needed for what is cached', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const definition = steps.finish(steps.run(steps.from(base), 'echo hello'));
	await solveBuild(build, definition);
	for (const name of readdirSync(path.join(base.directory, 'blobs/sha256'))) {
		const file = path.join(base.directory, 'blobs/sha256', name);
		if (statSync(file).size > 100_000) {
			rmSync(file);
		}
	}

	const {executed} = await solveBuild(build, definition);
	t.deepEqual(executed, []);
});
