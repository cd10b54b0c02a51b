import {execFileSync} from 'node:child_process';
import {existsSync, statSync, utimesSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {startCollection} from '../../src/garbage/start-collection.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const dockerfile = `FROM base
COPY a /a
RUN --mount=type=cache,target=/cache head -c 300000 /dev/urandom > /cache/x; head -c 200000 /dev/urandom > /y; ln /y /z
RUN echo hello > /greeting
`;

async function succeed(project: Project, env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
	const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root, env});
	if (exitCode !== 0) {
		throw new Error(`${args.join(' ')} failed with ${exitCode}: ${stderr}`);
	}

	return new TextDecoder().decode(stdout);
}

async function makeBuiltProject(...args: readonly string[]): Promise<Project> {
	const project = await makeProject({Dockerfile: dockerfile, a: 'x'});
	const result = await project.build(...args);
	if (result.exitCode !== 0) {
		throw new Error(result.stderr);
	}

	return project;
}

/** `3.097MB` as bytes. */
function bytesOf(size: string): number {
	const {number, unit} = /^(?<number>[\d.]+)(?<unit>[Mk]?)B$/v.exec(size)!.groups!;
	return Number(number) * ({k: 1e3, M: 1e6}[unit!] ?? 1);
}

test('du --all adds up to what du(1) tells of the directory, with hard links counted once', async t => {
	await using project = await makeBuiltProject('-t', 'app:1', '-o', 'type=oci,compression=gzip,dest=/dev/null');
	const output = await succeed(project, {}, 'du', '--all');
	const total = bytesOf(/^Total:\t+(?<total>\S+)$/mv.exec(output)!.groups!.total!);
	const [real] = execFileSync('du', ['--summarize', '--apparent-size', '--block-size=1', project.root], {encoding: 'utf8'}).split('\t', 1);
	t.true(Math.abs(total - Number(real)) < Number(real) / 100, `${total} instead of ${real!}`);
	t.regex(output, /^store +false /mv);
	t.regex(await succeed(project, {}, 'du', '-a', '--format', '{{.Type}} {{.Description}}', '--filter', 'type=image'), /^image image docker\.io\/library\/app:1\n$/v);
});

test('with a filter, du has no sums; one for a field that is not there finds nothing', async t => {
	await using project = await makeBuiltProject();
	t.notRegex(await succeed(project, {}, 'du', '--filter', 'type=regular'), /Total/v);
	t.is(await succeed(project, {}, 'du', '--filter', 'nope=1', '--timeout', '5s'), 'ID        RECLAIMABLE   SIZE      LAST ACCESSED\n');
});

test('prune leaves as much as it is told to', async t => {
	await using project = await makeBuiltProject();
	for (const flags of [['--max-used-space', '1gb'], ['--reserved-space', '1gb'], ['--min-free-space', '1'], ['--keep-duration', '1h']]) {
		t.is(await succeed(project, {}, 'prune', '-f', ...flags), 'Total:\t0B\n', flags.join(' '));
	}

	const deprecated = await tsbuild(['prune', '-f', '--keep-storage', '1gb'], {root: project.root});
	t.is(deprecated.stderr, 'Flag --keep-storage has been deprecated, keep-storage flag has been changed to reserved-space\n');
	await succeed(project, {}, 'prune', '-f', '--max-used-space', '3200kb');
	const left = await succeed(project, {}, 'du');
	const total = bytesOf(/^Total:\t+(?<total>\S+)$/mv.exec(left)!.groups!.total!);
	t.true(total <= 3_276_800 && total > 3e6, `${total} are left`);
	await succeed(project, {}, 'prune', '-f', '--min-free-space', '1000t', '--reserved-space', '1gb');
	t.is(await succeed(project, {}, 'du', '--format', '{{.Size}}').then(sizes => sizes.split('\n').length), left.match(/true/gv)!.length + 1);
	await succeed(project, {}, 'prune', '-f', '--min-free-space', '1000t');
	t.regex(await succeed(project, {}, 'du'), /^Total:\t+0B$/mv);
});

test('collecting garbage keeps images whole, and their cache as long as the limits allow', async t => {
	await using project = await makeBuiltProject('-t', 'app:1');
	const unlimited = {TSBUILD_GC_MIN_FREE_SPACE: '0'};
	t.is(await succeed(project, unlimited, 'store', 'gc'), 'Total:\t0B\n');
	await succeed(project, {...unlimited, TSBUILD_GC_MAX_USED_SPACE: '3m', TSBUILD_GC_RESERVED_SPACE: '0'}, 'store', 'gc');
	t.notRegex(await succeed(project, {}, 'du'), /cache|^facd/mv);
	await succeed(project, {...unlimited, TSBUILD_GC_MAX_USED_SPACE: '1', TSBUILD_GC_RESERVED_SPACE: '0'}, 'store', 'gc');
	t.regex(await succeed(project, {}, 'du'), /^Total:\t+0B$/mv);
	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:app:1`, `dir:${path.join(project.directory, 'copy')}`]));
	t.regex(await succeed(project, {}, 'store', 'check'), /^Nothing is wrong\.$/mv);
});

test('a build starts to collect garbage when that was long ago, and not otherwise', async t => {
	await using project = await makeBuiltProject();
	const mark = path.join(project.root, 'garbage-collected');
	t.false(existsSync(mark));
	await succeed(project, {}, 'store', 'gc');
	utimesSync(mark, 0, 0);
	const again = await project.buildIn({TSBUILD_GC: 'false'});
	t.is(again.exitCode, 0, again.stderr);
	t.is(statSync(mark).mtimeMs, 0);
	startCollection(project.root, {TSBUILD_GC: '0'});
	const wrong = await project.buildIn({TSBUILD_GC: 'perhaps'});
	t.regex(wrong.stderr, /failed to read TSBUILD_GC: "perhaps" is not understood/v);
});

test('a build that would pass the limit of the store takes the place of cache, or fails when there is none', async t => {
	await using project = await makeBuiltProject('-t', 'app:1');
	const total = bytesOf(/^Total:\t+(?<total>\S+)$/mv.exec(await succeed(project, {}, 'du', '-a'))!.groups!.total!);
	await project.write({a: 'y'.repeat(600_000)});
	const limited = await project.buildIn({TSBUILD_STORE_LIMIT: String(Math.trunc(total + 1_700_000))}, '-t', 'app:1');
	t.is(limited.exitCode, 0, limited.stderr);
	t.regex(await succeed(project, {}, 'store', 'check'), /^Nothing is wrong\.$/mv);
	await project.write({a: 'z'.repeat(600_000)});
	const full = await project.buildIn({TSBUILD_STORE_LIMIT: '1mb'}, '-t', 'app:1');
	t.is(full.exitCode, 1);
	t.regex(full.stderr, /ERROR: failed to build: failed to solve: failed to write to store \S+: it has \d+ bytes, and TSBUILD_STORE_LIMIT is 1048576\n/v);
	t.true(full.stderr.endsWith('\nRemove images with \'tsbuild rmi\', or raise the limit.\n'));
	t.regex(await succeed(project, {}, 'store', 'check'), /^Nothing is wrong\.$/mv);
	const wrong = await project.buildIn({TSBUILD_STORE_LIMIT: 'much'});
	t.regex(wrong.stderr, /failed to read TSBUILD_STORE_LIMIT: "much" is not understood/v);
});
