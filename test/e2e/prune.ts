import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {asRoot} from '../support/conditions.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const dockerfile = `FROM base
COPY a /a
RUN echo hello > /greeting
`;

async function succeed(project: Project, ...args: readonly string[]): Promise<string> {
	const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root});
	if (exitCode !== 0 || stderr !== '') {
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

function mask(table: string): string {
	return table
		.replaceAll(/(?:Less than a second|\b\d{1,2} seconds?) ago/gv, 'AGE')
		.replaceAll(/\b[\d.]{1,6}[Mk]?B(?<mark>\*?) */gv, 'SIZE$<mark> ')
		.replaceAll(/SIZE {2,}/gv, 'SIZE ');
}

async function blobsOf({root}: Project): Promise<readonly string[]> {
	return readdir(path.join(root, 'content/blobs/sha256'));
}

test('what an image consists of is marked as shared, and goes only with --all', async t => {
	await using project = await makeBuiltProject('-t', 'app:1');
	t.is(mask(await succeed(project, 'du')), [
		'ID        RECLAIMABLE   SIZE LAST ACCESSED',
		'2         true          SIZE* AGE',
		'4         true          SIZE* AGE',
		'1         true          SIZE* AGE',
		'Shared:\t\tSIZE ',
		'Private:\tSIZE ',
		'Reclaimable:\tSIZE ',
		'Total:\t\tSIZE ',
		'',
	].join('\n'));
	t.is(await succeed(project, 'prune', '-f'), 'Total:\t0B\n');
	const blobs = await blobsOf(project);
	t.regex(mask(await succeed(project, 'prune', '-af')), /^ID\t{6}RECLAIMABLE\tSIZE\t\tLAST ACCESSED\n(?:\d {39}\ttrue \t\tSIZE\* \tAGE\n){3}Total:\tSIZE \n$/v);
	t.deepEqual(await blobsOf(project), blobs);
	t.deepEqual(await readdir(path.join(project.root, 'snapshots')), []);

	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:app:1`, `dir:${path.join(project.directory, 'copy')}`]));
	await project.write({Dockerfile: 'FROM app:1\nRUN cat /a /greeting\n'});
	const derived = await project.build('-t', 'app:2');
	t.is(derived.exitCode, 0, derived.stderr);
	t.regex(derived.stderr, /^#\d+ \d\.\d+ xhello$/mv);
	await assertNothingLeft(t, project.root);
});

test('without an image everything goes, and the next build makes it again', async t => {
	await using project = await makeBuiltProject();
	t.regex(mask(await succeed(project, 'prune', '--force')), /^(?:[\da-f]+ +\ttrue \t\tSIZE \tAGE\n){5}Total:\tSIZE \n$/mv);
	t.deepEqual(await blobsOf(project), []);
	t.is(await succeed(project, 'du'), 'ID        RECLAIMABLE   SIZE      LAST ACCESSED\nReclaimable:\t0B\nTotal:\t\t0B\n');
	const again = await project.build('-t', 'app:1');
	t.is(again.exitCode, 0, again.stderr);
	t.notRegex(again.stderr, /CACHED/v);
	await assertNothingLeft(t, project.root);
});

test('filters choose what goes, but nothing that other cache stands on', async t => {
	await using project = await makeBuiltProject('-o', 'type=oci,dest=-');
	t.is(await succeed(project, 'prune', '-f', '--filter', 'until=1h'), 'Total:\t0B\n');
	t.is(await succeed(project, 'prune', '-f', '--filter', 'type=exec.cachemount'), 'Total:\t0B\n');
	t.is(await succeed(project, 'prune', '-f', '--filter', 'id=1'), 'Total:\t0B\n');
	const removed = JSON.parse(await succeed(project, 'prune', '-f', '--format', 'json', '--filter', 'description=RUN')) as Record<string, unknown>;
	t.like(removed, {
		ID: '4',
		Parents: ['2'],
		Reclaimable: true,
		Shared: false,
		Mutable: false,
		Type: 'regular',
	});
	t.deepEqual(await readdir(path.join(project.root, 'snapshots')), ['1', '2']);
});

type Dialog = {readonly flags: readonly string[]; readonly answer: string; readonly isDone: boolean};

const asks = test.macro({
	async exec(t, {flags, answer, isDone}: Dialog) {
		await using project = await makeBuiltProject();
		const main = path.join(import.meta.dirname, '../../src/main.ts');
		const child = spawn(process.execPath, [main, 'prune', ...flags], {env: {...process.env, TSBUILD_ROOT: project.root}, stdio: ['pipe', 'pipe', 'inherit']});
		child.stdin.end(answer);
		const [output, closed] = await Promise.all([text(child.stdout), once(child, 'close')]);
		t.is(closed[0], 0);
		const question = `WARNING! This will remove all ${flags.length === 0 ? 'dangling ' : ''}build cache. Are you sure you want to continue? [y/N] `;
		t.is(output.slice(0, question.length), question);
		t.is(output.length > question.length, isDone);
		const left = await readdir(path.join(project.root, 'snapshots'));
		t.is(left.length, isDone ? 0 : 3);
	},
	title: (_, {flags, answer, isDone}: Dialog) => `prune ${flags.join(' ')} ${isDone ? 'goes on' : 'stops'} when the answer is ${JSON.stringify(answer)}`,
});

test(asks, {flags: [], answer: 'n\n', isDone: false});
test(asks, {flags: [], answer: '', isDone: false});
test(asks, {flags: [], answer: 'yes\n', isDone: false});
test(asks, {flags: ['--all'], answer: 'y\n', isDone: true});
test(asks, {flags: [], answer: ' Y \nn\n', isDone: true});

const diesAt = test.macro({
	async exec(t, systemCall: string, time: number) {
		await using project = await makeBuiltProject();
		await project.write({Dockerfile: 'FROM base\nRUN echo kept > /kept\n'});
		const kept = await project.build('-t', 'kept:1');
		t.is(kept.exitCode, 0, kept.stderr);
		const main = path.join(import.meta.dirname, '../../src/main.ts');
		const trace = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${systemCall}:signal=KILL:when=${time}`];
		const env = {...process.env, TSBUILD_ROOT: project.root};
		const child = spawn('strace', [...trace, process.execPath, main, 'prune', '-af'], {env, stdio: 'ignore'});
		t.deepEqual(await once(child, 'close'), [null, 'SIGKILL']);

		// The next one finds what the dead one had not finished.
		await succeed(project, 'prune', '-af');
		t.is(await succeed(project, 'du'), 'ID        RECLAIMABLE   SIZE      LAST ACCESSED\nReclaimable:\t0B\nTotal:\t\t0B\n');
		t.deepEqual(await readdir(path.join(project.root, 'snapshots')), []);
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:kept:1`, `dir:${path.join(project.directory, 'copy')}`]));
		await assertNothingLeft(t, project.root);
	},
	title: (_, systemCall: string, time: number) => `what a prune leaves that is killed at its ${systemCall} number ${time} is removed by the next`,
});

// Blobs are set aside by rename within the transaction, files are removed after it.
asRoot(diesAt, 'rename', 1);
asRoot(diesAt, 'rename', 3);
asRoot(diesAt, 'unlinkat', 1);
asRoot(diesAt, 'unlinkat', 20);
