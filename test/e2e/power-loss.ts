import {
	copyFileSync,
	globSync,
	lstatSync,
	readdirSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {execFileSync} from 'node:child_process';
import test from 'ava';
import {findStoreFaults} from '../support/check-whole.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject, type Project} from '../support/project.ts';
import {succeeded, tsbuild} from '../support/tsbuild.ts';

const dockerfile = `FROM base
COPY a /a
RUN echo synced > /synced
ARG N
RUN echo $N > /n; head -c 100000 /dev/zero > /zeros
COPY a /last
`;

async function build(project: Project, n: string): Promise<void> {
	succeeded(await project.build('--build-arg', `N=${n}`, '-t', `app:${n}`, '-o', `type=local,dest=${project.directory}/files`));
}

function change(root: string, sql: string): void {
	using database = new DatabaseSync(path.join(root, 'metadata.db'));
	database.exec(sql);
}

/** The machine starts again: nobody has opened the store in this boot. */
function startAgain(root: string): void {
	writeFileSync(path.join(root, 'boot'), 'an earlier one');
	change(root, 'UPDATE snapshots SET unsynced_boot = \'an earlier one\' WHERE unsynced_boot IS NOT NULL');
}

/** The parts of a file that were not written to the disk come back as zeros, or not at all. */
function damage(file: string): void {
	const status = lstatSync(file);
	if (!status.isFile()) {
		return;
	}

	truncateSync(file, 0);
	truncateSync(file, Math.trunc(status.size / 2));
}

test('of a build whose files were not synced, a power loss leaves what is whole, and the next build makes the rest again', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, a: 'x'});
	const {root} = project;
	await build(project, '1');
	// What has been there for half a minute was synced.
	change(root, 'UPDATE snapshots SET unsynced_boot = NULL');
	await build(project, '2');
	using database = new DatabaseSync(path.join(root, 'metadata.db'));
	const unsynced = database.prepare('SELECT id FROM snapshots WHERE unsynced_boot IS NOT NULL').all().map(row => String(row.id));
	database.close();
	t.true(unsynced.length > 0);
	const files = unsynced.flatMap(id => globSync('**/*', {cwd: path.join(root, 'snapshots', id), withFileTypes: true}));
	for (const file of files) {
		damage(path.join(file.parentPath, file.name));
	}

	startAgain(root);
	t.deepEqual(await findStoreFaults(root), []);
	const again = await project.build('--build-arg', 'N=2', '-o', `type=local,dest=${project.directory}/again`);
	t.is(again.exitCode, 0, again.stderr);
	t.regex(again.stderr, /CACHED\n\n#\d+ \[\d\/\d\] RUN echo 2/v);
	t.is(execFileSync('cat', ['n', 'synced', 'last'], {cwd: path.join(project.directory, 'again'), encoding: 'utf8'}), '2\nsynced\nx');
	t.is(lstatSync(path.join(project.directory, 'again/zeros')).size, 100_000);
	t.deepEqual(await findStoreFaults(root), []);
	await assertNothingLeft(t, root);
});

test('blobs that a power loss has taken take along what stands on them, and the names of images', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, a: 'x'});
	const {root} = project;
	await build(project, '1');
	change(root, 'UPDATE snapshots SET unsynced_boot = NULL');
	const blobs = path.join(root, 'content/blobs/sha256');
	for (const name of readdirSync(blobs)) {
		rmSync(path.join(blobs, name));
	}

	startAgain(root);
	t.deepEqual(await findStoreFaults(root), []);
	const images = await tsbuild(['images', '-q'], {root});
	t.is(new TextDecoder().decode(images.stdout), '');
	await build(project, '1');
	t.deepEqual(await findStoreFaults(root), []);
	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${root}/content:app:1`, `dir:${path.join(project.directory, 'copy')}`]));
});

test('a database that has lost its last transactions is behind the files, and the store is whole nevertheless', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, a: 'x'});
	const {root} = project;
	await build(project, '1');
	const earlier = path.join(project.directory, 'earlier.db');
	copyFileSync(path.join(root, 'metadata.db'), earlier);
	await build(project, '2');
	copyFileSync(earlier, path.join(root, 'metadata.db'));
	startAgain(root);
	t.deepEqual(await findStoreFaults(root), []);
	await build(project, '2');
	t.is(execFileSync('cat', ['n'], {cwd: path.join(project.directory, 'files'), encoding: 'utf8'}), '2\n');
	t.deepEqual(await findStoreFaults(root), []);
	await assertNothingLeft(t, root);
});
