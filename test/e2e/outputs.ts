import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	lstat,
	mkdir,
	readFile,
	readlink,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {listTar} from '../support/case-files.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {asRoot} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';

const dockerfile = `FROM base AS files
RUN mkdir /out && echo text > /out/file && chown 5:6 /out/file && chmod 4751 /out/file && touch -d @1000000000 /out/file
RUN ln /out/file /out/other && ln -s file /out/link && mkfifo /out/fifo && mkdir -m 700 /out/closed
FROM scratch
COPY --from=files /out /
`;

test('a local output has the files with their modes, times and links, owned by whoever builds', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const destination = path.join(project.directory, 'deep/out');
	const result = await project.build('-o', destination);
	t.is(result.exitCode, 0, result.stderr);
	const [file, other, fifo, closed] = await Promise.all(['file', 'other', 'fifo', 'closed'].map(async name => lstat(path.join(destination, name))));
	t.is(await readFile(path.join(destination, 'file'), 'utf8'), 'text\n');
	// A set-user-ID program of user 5 must not become one of root.
	t.deepEqual([file!.mode & 0o7777, file!.uid, file!.gid, file!.mtimeMs], [0o751, process.getuid!(), process.getgid!(), 1_000_000_000_000]);
	t.deepEqual([other!.ino, other!.nlink], [file!.ino, 2]);
	t.is(await readlink(path.join(destination, 'link')), 'file');
	t.true(fifo!.isFIFO());
	t.is(closed!.mode & 0o7777, 0o700);
	await assertNothingLeft(t, project.root);
});

test('a local output keeps what is not in the way, and never follows a link that stands there', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /a/b\nCOPY a /plain\n', a: 'new'});
	const destination = path.join(project.directory, 'out');
	const outside = path.join(project.directory, 'outside');
	await mkdir(destination);
	await mkdir(outside);
	await writeFile(path.join(outside, 'b'), 'untouched');
	await writeFile(path.join(destination, 'kept'), 'kept');
	await symlink(outside, path.join(destination, 'a'));
	await symlink(path.join(outside, 'b'), path.join(destination, 'plain'));
	const result = await project.build('-o', `type=local,dest=${destination}`);
	t.is(result.exitCode, 0, result.stderr);
	t.is(await readFile(path.join(outside, 'b'), 'utf8'), 'untouched');
	t.is(await readFile(path.join(destination, 'a/b'), 'utf8'), 'new');
	t.is(await readFile(path.join(destination, 'plain'), 'utf8'), 'new');
	t.is(await readFile(path.join(destination, 'kept'), 'utf8'), 'kept');
});

test('a tar output holds the whole file system, also on standard output', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /d/a\n', a: 'x'});
	const file = path.join(project.directory, 'new/dir/root.tar');
	const toFile = await project.build('-o', `type=tar,dest=${file}`);
	t.is(toFile.exitCode, 0, toFile.stderr);
	t.deepEqual(listTar(file), ['drwxr-xr-x 0/0 0 d/', '-rw-r--r-- 0/0 1 d/a']);
	const {stdout, exitCode} = await project.build('-o', '-');
	t.is(exitCode, 0);
	t.deepEqual(Buffer.from(stdout), await readFile(file));
});

test('the same image gives the same OCI archive, byte for byte', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nCOPY a /a\nRUN echo x > /x\n', a: 'x'});
	const archives = ['one.tar', 'two.tar'].map(name => path.join(project.directory, name));
	for (const archive of archives) {
		const result = await project.build('-t', 'app:1', '-o', `type=oci,dest=${archive}`);
		t.is(result.exitCode, 0, result.stderr);
	}

	const [first, second] = await Promise.all(archives.map(async archive => readFile(archive)));
	t.true(first!.equals(second!));
});

test('a layout directory takes further images, and a name that comes again moves', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nARG N\nENV N=$N\n'});
	const layout = path.join(project.directory, 'layout');
	for (const [name, value] of [['app:1', '1'], ['app:2', '2'], ['app:1', '3']] as const) {
		const result = await project.build('-t', name, '--build-arg', `N=${value}`, '-o', `type=oci,tar=false,dest=${layout}`);
		t.is(result.exitCode, 0, result.stderr);
	}

	const env = ['1', '2'].map(tag => {
		const {config} = JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${layout}:${tag}`], {encoding: 'utf8'})) as {readonly config: {readonly Env: readonly string[]}};
		return config.Env.at(-1);
	});
	t.deepEqual(env, ['N=3', 'N=2']);
});

const refuses = test.macro({
	async exec(t, output: string, message: RegExp) {
		await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
		await mkdir(path.join(project.directory, 'directory'));
		await writeFile(path.join(project.directory, 'file'), 'kept');
		const result = await project.build('-o', output.replaceAll('./', () => `${project.directory}/`));
		t.is(result.exitCode, 1);
		t.regex(result.stderr, message);
		t.is(await readFile(path.join(project.directory, 'file'), 'utf8'), 'kept');
	},
	title: (_, output: string) => `the output ${output} is refused`,
});

test(refuses, 'type=oci,dest=./directory', /^ERROR: failed to build: destination file .*directory is a directory$/mv);
test(refuses, 'type=tar,dest=./directory', /^ERROR: failed to build: destination file .*directory is a directory$/mv);
test(refuses, 'type=local,dest=./file', /^ERROR: failed to build: destination directory .*file is a file$/mv);
test(refuses, 'type=oci,tar=false,dest=./file', /^ERROR: failed to build: destination directory .*file is a file$/mv);
test(refuses, 'type=local', /^ERROR: failed to build: dest is required for local exporter$/mv);
test(refuses, 'type=nope', /^ERROR: failed to build: failed to solve: exporter "nope" could not be found$/mv);
test(refuses, 'type=oci,tar=false', /^ERROR: failed to build: dest is required/mv);

test('an output that cannot be written is told, and nothing half-written stays', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	await writeFile(path.join(project.directory, 'file'), '');
	const result = await project.build('-o', `type=oci,dest=${project.directory}/file/x.tar`);
	t.is(result.exitCode, 1);
	t.regex(result.stderr, /^ERROR: failed to build: failed to solve: failed to write output .*\/file\/x\.tar: EEXIST: file already exists$/mv);
	await assertNothingLeft(t, project.root);
});

asRoot('an output that is a link or a device is written to, not replaced', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'x'});
	const [file, link, device] = ['file', 'link', 'device'].map(name => path.join(project.directory, name)) as [string, string, string];
	await writeFile(file, 'old');
	await symlink('file', link);
	execFileSync('mknod', [device, 'c', '1', '3']);
	const result = await project.build('-o', `type=tar,dest=${link}`, '-o', `type=tar,dest=${device}`);
	t.is(result.exitCode, 0, result.stderr);
	t.deepEqual(listTar(file), ['-rw-r--r-- 0/0 1 a']);
	t.is(await readlink(link), 'file');
	const status = await lstat(device);
	t.true(status.isCharacterDevice());
});
