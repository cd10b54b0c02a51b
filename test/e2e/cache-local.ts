import {existsSync} from 'node:fs';
import {
	mkdir,
	readFile,
	readdir,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {executedSteps, makeMachine} from '../support/cache-machines.ts';
import {makeProject, type Project} from '../support/project.ts';

/*
Caches in a directory, honest and hostile ones.
*/

const step = 'RUN cat /proc/sys/kernel/random/uuid > /random';
const dockerfile = `FROM base\n${step}\nRUN cat /random > /copy\n`;

type Json = Readonly<Record<string, unknown>>;
type Blob = {readonly digest: string; readonly size: number; readonly annotations?: Readonly<Record<string, string>>};
type Layout = {readonly manifests: readonly Blob[]};
type Manifest = {readonly config: Blob; readonly layers: readonly Blob[]};

function cacheOf(project: Project): string {
	return path.join(project.directory, 'cache');
}

function blobPath(directory: string, digest: string): string {
	return path.join(directory, 'blobs', digest.replace(':', '/'));
}

async function readJson(file: string): Promise<unknown> {
	return JSON.parse(await readFile(file, 'utf8'));
}

async function writeBlob(directory: string, content: string): Promise<Blob> {
	const digest = digestOf(content);
	// One that is there may be read-only.
	await rm(blobPath(directory, digest), {force: true});
	await writeFile(blobPath(directory, digest), content);
	return {digest, size: content.length};
}

type Forgery = {readonly manifest?: (manifest: Manifest) => unknown; readonly config?: (config: Json) => unknown};

/** Makes a cache of the project, and changes its manifest and its document. */
async function forgeCache(project: Project, {manifest: changeManifest = same, config: changeConfig = same}: Forgery): Promise<string> {
	const directory = cacheOf(project);
	await makeMachine(project, 'forger').build('-o', 'type=cacheonly', '--cache-to', `type=local,dest=${directory},mode=max`);
	const layout = await readJson(path.join(directory, 'index.json')) as Layout;
	const manifest = await readJson(blobPath(directory, layout.manifests[0]!.digest)) as Manifest;
	const config = changeConfig(await readJson(blobPath(directory, manifest.config.digest)) as Json);
	const written = await writeBlob(directory, typeof config === 'string' ? config : JSON.stringify(config));
	const forged = await writeBlob(directory, JSON.stringify(changeManifest({...manifest, config: {...manifest.config, ...written}})));
	await writeFile(path.join(directory, 'index.json'), JSON.stringify({...layout, manifests: [{...layout.manifests[0]!, ...forged}]}));
	return directory;
}

function same<Value>(value: Value): Value {
	return value;
}

test('a directory holds several caches by their tags, and --cache-from takes one by tag or digest', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const directory = cacheOf(project);
	const one = await makeMachine(project, 'one').buildImage('--cache-to', `type=local,dest=${directory}`);
	const two = await makeMachine(project, 'two').buildImage('--cache-to', `type=local,dest=${directory},tag=two,mode=max`);
	const {manifests} = await readJson(path.join(directory, 'index.json')) as Layout;
	t.deepEqual(manifests.map(({annotations}) => annotations), [{'org.opencontainers.image.ref.name': 'latest'}, {'org.opencontainers.image.ref.name': 'two'}]);
	for (const [name, attributes, expected] of [['three', '', one], ['four', ',tag=two', two], ['five', `,digest=${manifests[1]!.digest}`, two]] as const) {
		const built = await makeMachine(project, name).buildImage('--cache-from', `type=local,src=${directory}${attributes}`);
		t.is(built.configDigest, expected.configDigest);
		t.deepEqual(executedSteps(built.stderr), []);
	}
});

test('the directory is an image layout whose blobs nobody may write; reset removes what no cache needs', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const directory = cacheOf(project);
	const machine = makeMachine(project, 'machine');
	await machine.build('-o', 'type=cacheonly', '--cache-to', `type=local,dest=${directory},mode=max`);
	const blobs = await readdir(path.join(directory, 'blobs/sha256'));
	const {mode} = await stat(path.join(directory, 'blobs/sha256', blobs[0]!));
	t.is(mode & 0o777, 0o444);
	t.deepEqual(await readJson(path.join(directory, 'oci-layout')), {imageLayoutVersion: '1.0.0'});
	await machine.build('--no-cache', '-o', 'type=cacheonly', '--cache-to', `type=local,dest=${directory},mode=max`);
	const grown = await readdir(path.join(directory, 'blobs/sha256'));
	t.true(grown.length > blobs.length);
	await machine.build('-o', 'type=cacheonly', '--cache-to', `type=local,dest=${directory},mode=max,reset=true`);
	const left = await readdir(path.join(directory, 'blobs/sha256'));
	t.is(left.length, blobs.length);
	const {stderr} = await makeMachine(project, 'other').build('-o', 'type=cacheonly', '--cache-from', `type=local,src=${directory}`);
	t.deepEqual(executedSteps(stderr), []);
});

test('what is no cache is told of, and the build goes on', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN true\n'});
	const directory = cacheOf(project);
	const machine = makeMachine(project, 'machine');
	const missing = await machine.build('-o', 'type=cacheonly', '--cache-from', `type=local,src=${directory}`);
	const index = `${directory}/index.json`;
	t.true(missing.stderr.includes(`WARNING: local cache import at ${directory} skipped due to err: could not read ${index}: open ${index}: no such file or directory\n`));
	await machine.build('-o', 'type=cacheonly', '--cache-to', `type=local,dest=${directory}`);
	const untagged = await machine.build('-o', 'type=cacheonly', '--cache-from', `type=local,src=${directory},tag=none`);
	t.true(untagged.stderr.includes(`WARNING: local cache import at ${directory} skipped: no digest found for tag none\n`));
	const unknown = await machine.build('-o', 'type=cacheonly', '--cache-from', 'type=nope');
	t.regex(unknown.stderr, /^#\d+ ERROR: unknown cache importer: nope$/mv);
});

const passesOver = test.macro({
	async exec(t, _: string, forgery: Forgery, message?: RegExp) {
		await using project = await makeProject({Dockerfile: dockerfile});
		const directory = await forgeCache(project, forgery);
		const {stderr} = await makeMachine(project, 'machine').build('-t', 'app', '--cache-from', `type=local,src=${directory}`);
		t.true(executedSteps(stderr).includes(step));
		assertMessage(t, stderr, message);
	},
	title: (_, what: string) => `a cache ${what} is passed over`,
});

function assertMessage(t: ExecutionContext, stderr: string, message: RegExp | undefined): void {
	if (message !== undefined) {
		t.regex(stderr, message);
	}
}

test(passesOver, 'whose document is no JSON', {config: () => '{'}, /^#\d+ ERROR: failed to configure local cache importer: failed to read cache: /mv);
test(passesOver, 'whose document is too large', {manifest: manifest => ({...manifest, config: {...manifest.config, size: 2 ** 40}})}, /more than the 16777216 that are taken/v);

test('a cache whose layers are gone is passed over', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const directory = await forgeCache(project, {});
	const manifest = await readManifest(directory);
	await rm(blobPath(directory, manifest.layers[0]!.digest));
	await rm(blobPath(directory, manifest.layers[1]!.digest));
	const {stderr} = await makeMachine(project, 'machine').build('-t', 'app', '--cache-from', `type=local,src=${directory}`);
	t.not(executedSteps(stderr).length, 0);
});

async function readManifest(directory: string): Promise<Manifest> {
	const {manifests} = await readJson(path.join(directory, 'index.json')) as Layout;
	return await readJson(blobPath(directory, manifests[0]!.digest)) as Manifest;
}

const refuses = test.macro({
	async exec(t, _: string, forge: (directory: string) => Promise<void>, message: RegExp) {
		await using project = await makeProject({Dockerfile: dockerfile});
		const directory = await forgeCache(project, {});
		await forge(directory);
		const root = path.join(project.directory, 'machine');
		const {exitCode, stderr} = await project.build('--root', root, '-t', 'app', '--cache-from', `type=local,src=${directory}`);
		t.is(exitCode, 1);
		t.regex(stderr, message);
		const blobs = existsSync(path.join(root, 'content/blobs/sha256')) ? await readdir(path.join(root, 'content/blobs/sha256')) : [];
		t.true(blobs.length <= 1);
		const again = await makeMachine(project, 'machine').build('-t', 'app');
		t.true(executedSteps(again.stderr).includes(step));
	},
	title: (_, what: string) => `a build that needs ${what} fails, and leaves nothing of it`,
});

test(refuses, 'a layer with another content than the cache says', async directory => {
	const {layers} = await readManifest(directory);
	for (const {digest, size} of layers) {
		await rm(blobPath(directory, digest));
		await writeFile(blobPath(directory, digest), 'x'.repeat(size));
	}
}, /ERROR: failed to build: failed to solve: failed to (?:verify|take in) blob sha256:/v);

test(refuses, 'a layer whose diff ID is another', async directory => {
	const layout = await readJson(path.join(directory, 'index.json')) as Layout;
	const manifest = await readManifest(directory);
	const layers = manifest.layers.map(layer => ({...layer, annotations: {...layer.annotations, 'containerd.io/uncompressed': digestOf('another')}}));
	const forged = await writeBlob(directory, JSON.stringify({...manifest, layers}));
	await writeFile(path.join(directory, 'index.json'), JSON.stringify({...layout, manifests: [{...layout.manifests[0]!, ...forged}]}));
}, /ERROR: failed to build: failed to solve: failed to verify layer: its content has the diff ID sha256:/v);

test('a cache that BuildKit wrote has nothing for us, and is not told of as wrong', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const directory = cacheOf(project);
	const recorded = path.join(import.meta.dirname, '../../fixtures/recordings/cache/local-max');
	const [config, manifest] = await Promise.all(['config.json', 'manifest.json'].map(async name => readFile(path.join(recorded, name), 'utf8'))) as [string, string];
	await mkdir(path.join(directory, 'blobs/sha256'), {recursive: true});
	await writeFile(path.join(directory, 'index.json'), await readFile(path.join(recorded, 'index.json')));
	await writeBlob(directory, config);
	await writeBlob(directory, manifest);
	const {stderr} = await makeMachine(project, 'machine').build('-t', 'app', '--cache-from', `type=local,src=${directory}`);
	t.true(stderr.includes('inferred cache manifest type: application/vnd.oci.image.manifest.v1+json done\n'));
	t.false(stderr.includes('ERROR'));
	t.is(executedSteps(stderr).length, 2);
});
