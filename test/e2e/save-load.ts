import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {
	mkdir,
	readFile,
	readdir,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {makeProject, type Project} from '../support/project.ts';
import {
	outputOf,
	succeeded,
	tsbuild,
	type TsbuildResult,
} from '../support/tsbuild.ts';

const dockerfile = 'FROM base\nRUN echo hello > /greeting\nENV NAME=world\n';

async function run(root: string, ...args: readonly string[]): Promise<string> {
	return outputOf(args, {root});
}

async function makeImages(...names: readonly string[]): Promise<Project> {
	const project = await makeProject({Dockerfile: dockerfile});
	succeeded(await project.build(...names.flatMap(name => ['-t', name])));
	return project;
}

async function idOf(root: string, image: string): Promise<string> {
	const [{Id: id}] = JSON.parse(await run(root, 'inspect', image)) as [{readonly Id: string}];
	return id;
}

async function blobsOf(root: string): Promise<readonly string[]> {
	const names = await readdir(path.join(root, 'content/blobs/sha256'));
	return names.toSorted();
}

test('what is saved is loaded by another store, and a build runs on it', async t => {
	await using project = await makeImages('app:1', 'app:2', 'registry.example:5000/team/app:3');
	await using other = await makeProject({Dockerfile: 'FROM app:2\nRUN cat /greeting && test $NAME = world\n'});
	const archive = path.join(project.directory, 'app.tar');
	await run(project.root, 'save', '-o', archive, 'app', 'registry.example:5000/team/app:3');
	t.is(await run(other.root, 'load', '-i', archive), 'Loaded image: app:1\nLoaded image: app:2\nLoaded image: registry.example:5000/team/app:3\n');
	t.is(await run(other.root, 'inspect', 'app:1'), await run(project.root, 'inspect', 'app:1'));
	const result = await other.build('-t', 'next:1');
	t.is(result.exitCode, 0, result.stderr);
	t.regex(result.stderr, /^#\d+ \d\.\d+ hello$/mv);
});

test('an image is saved by its ID without a name, and to standard output', async t => {
	await using project = await makeImages('app:1');
	await using other = await makeProject({});
	const id = await idOf(project.root, 'app:1');
	const {stdout} = await tsbuild(['save', id], {root: project.root});
	const archive = path.join(project.directory, 'app.tar');
	await writeFile(archive, stdout);
	t.is(await run(other.root, 'load', '--input', archive), `Loaded image ID: ${id}\n`);
	t.is(await idOf(other.root, id.slice(7, 19)), id);
	t.is(await run(other.root, 'images', '-q'), '');
});

test('skopeo reads what is saved, in both formats', async t => {
	await using project = await makeImages('app:1');
	const id = await idOf(project.root, 'app:1');
	for (const [format, transport] of [['docker', 'docker-archive'], ['docker', 'oci-archive'], ['oci', 'oci-archive']] as const) {
		const archive = path.join(project.directory, `${format}.tar`);
		await run(project.root, 'save', '--format', format, '-o', archive, 'app:1');
		const config = execFileSync('skopeo', ['inspect', '--config', '--raw', `${transport}:${archive}`]);
		t.is(`sha256:${createHash('sha256').update(config).digest('hex')}`, id);
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `${transport}:${archive}`, `dir:${path.join(project.directory, transport)}`]));
	}
});

const loads = test.macro({
	async exec(t, transport: string, make: (archive: Buffer) => Buffer) {
		await using project = await makeImages('app:1');
		await using other = await makeProject({});
		const archive = path.join(project.directory, 'app.tar');
		execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:app:1`, `${transport}:${archive}:app:1`]);
		await writeFile(archive, make(await readFile(archive)));
		t.is(await run(other.root, 'load', '-i', archive), 'Loaded image: app:1\n');
		t.is(await idOf(other.root, 'app:1'), await idOf(project.root, 'app:1'));
		// Nothing stays of the archive but the image.
		t.is(await run(other.root, 'du', '--format', 'json'), '');
	},
	title: (_, transport: string, make: (archive: Buffer) => Buffer) => `an archive that skopeo wrote is loaded: ${transport}, ${make.name}`,
});

function uncompressed(archive: Buffer): Buffer {
	return archive;
}

function compressed(archive: Buffer): Buffer {
	return gzipSync(archive);
}

test(loads, 'docker-archive', uncompressed);
test(loads, 'docker-archive', compressed);
test(loads, 'oci-archive', uncompressed);

function sha256(content: string | Buffer): string {
	return createHash('sha256').update(content).digest('hex');
}

const layer = execFileSync('tar', ['-c', '-C', import.meta.dirname, '--owner=0', '--mtime=@0', path.basename(import.meta.filename)]);
const config = JSON.stringify({
	architecture: 'amd64', os: 'linux', config: {}, rootfs: {type: 'layers', diff_ids: [`sha256:${sha256(layer)}`]},
});

/** An archive as Docker wrote it until version 24, with what a test changes in it; `undefined` takes a file out. */
async function makeArchive(project: Project, changes: Readonly<Record<string, string | Buffer | undefined>>): Promise<string> {
	const name = sha256(config);
	const files: Record<string, string | Buffer | undefined> = {
		[`${name}.json`]: config,
		'first/layer.tar': layer,
		'first/json': '{"id":"first"}',
		'first/VERSION': '1.0',
		'manifest.json': JSON.stringify([{Config: `${name}.json`, RepoTags: ['old:1'], Layers: ['first/layer.tar']}]),
		repositories: '{"old":{"1":"first"}}',
		...changes,
	};
	const directory = path.join(project.directory, randomBytes(4).toString('hex'));
	for (const [file, content] of Object.entries(files)) {
		if (content === undefined) {
			continue;
		}

		await mkdir(path.join(directory, path.dirname(file)), {recursive: true});
		await writeFile(path.join(directory, file), content);
	}

	const archive = `${directory}.tar`;
	execFileSync('tar', ['-cf', archive, '-C', directory, '.']);
	return archive;
}

test('an archive as crane writes it is loaded', async t => {
	await using project = await makeProject({});
	const archive = await makeArchive(project, {
		[`sha256:${sha256(config)}`]: config,
		[`${sha256(layer)}.tar.gz`]: gzipSync(layer),
		'manifest.json': JSON.stringify([{Config: `sha256:${sha256(config)}`, RepoTags: ['index.docker.io/library/crane:1'], Layers: [`${sha256(layer)}.tar.gz`]}]),
	});
	t.is(await run(project.root, 'load', '-i', archive), 'Loaded image: crane:1\n');
});

test('an archive in the old form of docker save is loaded', async t => {
	await using project = await makeProject({});
	const archive = await makeArchive(project, {});
	t.is(await run(project.root, 'load', '-i', archive), 'Loaded image: old:1\n');
	t.is(await idOf(project.root, 'old:1'), `sha256:${sha256(config)}`);
	t.is(await run(project.root, 'du', '--format', 'json'), '');
});

test('a layer that several images share is a link', async t => {
	await using project = await makeProject({});
	const directory = path.join(project.directory, 'linked');
	const archive = await makeArchive(project, {
		'manifest.json': JSON.stringify([{Config: `${sha256(config)}.json`, RepoTags: ['old:1'], Layers: ['second/layer.tar']}]),
	});
	await mkdir(path.join(directory, 'second'), {recursive: true});
	await symlink('../first/layer.tar', path.join(directory, 'second/layer.tar'));
	execFileSync('tar', ['-rf', archive, '-C', directory, './second/layer.tar']);
	t.is(await run(project.root, 'load', '-i', archive), 'Loaded image: old:1\n');
});

const refuses = test.macro({
	async exec(t, _title: string, changes: (files: {readonly config: string}) => Readonly<Record<string, string | Buffer | undefined>>, message: RegExp) {
		await using project = await makeImages('app:1');
		const before = await blobsOf(project.root);
		const archive = await makeArchive(project, changes({config}));
		const {exitCode, stdout, stderr}: TsbuildResult = await tsbuild(['load', '-i', archive], {root: project.root});
		t.is(exitCode, 1);
		t.is(stdout.length, 0);
		t.regex(stderr, message);
		t.deepEqual(await blobsOf(project.root), before);
		t.is(await run(project.root, 'images', '--format', 'json').then(text => text.split('\n').length), 2);
	},
	title: (_, title: string) => `an archive is refused, and leaves nothing: ${title}`,
});

const manifestOf = (image: Readonly<Record<string, unknown>>) => JSON.stringify([{
	Config: `${sha256(config)}.json`, RepoTags: ['old:1'], Layers: ['first/layer.tar'], ...image,
}]);

test(refuses, 'no image in it', () => ({'manifest.json': undefined}), /^ERROR: failed to load images: the archive has neither index\.json nor manifest\.json$/mv);
test(
	refuses,
	'another layer than the config says',
	() => ({'first/layer.tar': Buffer.concat([layer, Buffer.alloc(512)])}),
	/^ERROR: failed to load images: the content of the layer sha256:[\da-f]{64} has the diff ID sha256:[\da-f]{64} instead of sha256:[\da-f]{64}$/mv,
);
test(refuses, 'a compressed layer with another content', () => ({'first/layer.tar': gzipSync('text')}), /^ERROR: failed to load images: the content of the layer .* has the diff ID/mv);
test(
	refuses,
	'a layer outside of the archive',
	() => ({'manifest.json': manifestOf({Layers: ['../../../../etc/passwd']})}),
	/^ERROR: failed to load images: manifest\.json names the file "\.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd", which is not there$/mv,
);
test(
	refuses,
	'a config outside of the archive',
	() => ({'manifest.json': manifestOf({Config: '/etc/passwd'})}),
	/^ERROR: failed to load images: manifest\.json names the file "\/etc\/passwd", which is not there$/mv,
);
test(refuses, 'more layers than diff IDs', () => ({'manifest.json': manifestOf({Layers: ['first/layer.tar', 'first/layer.tar']})}), /^ERROR: failed to load images: .* has 1 diff ids for 2 layers$/mv);
test(refuses, 'a name that is none', () => ({'manifest.json': manifestOf({RepoTags: ['../UPPER']})}), /^ERROR: failed to parse image reference "\.\.\/UPPER": /mv);
test(refuses, 'a manifest that is no list', () => ({'manifest.json': '{"Config": 1}'}), /^ERROR: failed to load images: manifest\.json is no list of at most 1000 images$/mv);
test(refuses, 'a manifest that is no JSON', () => ({'manifest.json': '[{'}), /^ERROR: failed to load images: manifest\.json cannot be read: /mv);
test(refuses, 'a manifest of wrong types', () => ({'manifest.json': '[{"Config": "a", "Layers": [1]}]'}), /^ERROR: failed to load images: manifest\.json holds what is no image$/mv);
test(refuses, 'a manifest of 5 MiB', () => ({'manifest.json': ' '.repeat(5 * 1024 * 1024)}), /^ERROR: .*more than the 4194304 that are taken$/mv);
test(refuses, 'a blob with another digest than its name', () => ({[`blobs/sha256/${'0'.repeat(64)}`]: 'text'}), /^ERROR: failed to take in blob sha256:0{64}: /mv);
test(refuses, 'a blob whose name is no digest', () => ({'blobs/sha256/00': 'text'}), /^ERROR: invalid digest "sha256:00"$/mv);
test(
	refuses,
	'an index that names what is not there',
	() => ({'index.json': JSON.stringify({schemaVersion: 2, manifests: [{mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${'1'.repeat(64)}`, size: 10}]})}),
	/^ERROR: failed to load images: a file that it names is not there$/mv,
);
test(refuses, 'an index of wrong types', () => ({'index.json': '{"schemaVersion": 2, "manifests": {}}'}), /^ERROR: failed to read image manifest: manifests is not a list$/mv);

test('links of an archive lead nowhere else, and not in circles', async t => {
	await using project = await makeProject({});
	const directory = path.join(project.directory, 'linked');
	await mkdir(path.join(directory, 'second'), {recursive: true});
	for (const target of ['/etc/passwd', '../../../../../../etc/passwd', 'layer.tar']) {
		const archive = await makeArchive(project, {'manifest.json': manifestOf({Layers: ['second/layer.tar']})});
		await symlink(target, path.join(directory, 'second/layer.tar'));
		execFileSync('tar', ['-rf', archive, '-C', directory, './second/layer.tar']);
		const {exitCode, stderr} = await tsbuild(['load', '-i', archive], {root: project.root});
		t.is(exitCode, 1);
		t.regex(stderr, /^ERROR: failed to load images: manifest\.json names the file "second\/layer\.tar", which is not there$/mv);
		execFileSync('rm', [path.join(directory, 'second/layer.tar')]);
	}
});

test('an archive with ten thousand files is refused', async t => {
	await using project = await makeProject({});
	const archive = path.join(project.directory, 'many.tar');
	execFileSync('bash', ['-c', 'mkdir many && cd many && touch f{0..10000} && tar -cf "$0" .', archive], {cwd: project.directory});
	const {exitCode, stderr} = await tsbuild(['load', '-i', archive], {root: project.root});
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to load images: it holds more than 10000 files$/mv);
});

const refusesCall = test.macro({
	async exec(t, args: readonly string[], message: string) {
		await using project = await makeProject({});
		const {exitCode, stderr} = await tsbuild(args, {root: project.root});
		t.is(exitCode, 1);
		t.is(stderr.split('\n', 1)[0], `ERROR: ${message}`);
	},
	title: (_, args: readonly string[]) => `${args.join(' ')} is refused`,
});

test(refusesCall, ['save'], '\'tsbuild save\' requires at least 1 argument');
test(refusesCall, ['save', 'nope'], 'No such image: nope:latest');
test(refusesCall, ['save', '--format', 'zip', 'nope'], 'invalid argument "zip" for "--format" flag: it is not known');
test(refusesCall, ['load', 'extra'], '\'tsbuild load\' accepts no arguments');
test(refusesCall, ['load', '-i', '/nowhere/a.tar'], 'open /nowhere/a.tar: no such file or directory');
test(refusesCall, ['load', '-i', '/etc'], 'open /etc: is a directory');
test(refusesCall, ['load', '-i', '/etc/passwd'], 'failed to read tar archive: a number in a header is not octal');
