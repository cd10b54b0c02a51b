import {Buffer} from 'node:buffer';
import {spawnSync} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {
	appendFile,
	mkdir,
	readdir,
	readFile,
	rm,
	symlink,
	truncate,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test, {type ExecutionContext} from 'ava';
import {createLayout, openLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import {digestOf, parseDigest, type Digest} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {runCommand, runProgram} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {testWhere} from '../support/conditions.ts';

const text = 'some bytes';
const textDigest = digestOf(text);

test('a blob comes back as it went in', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const bytes = randomBytes(5_000_001);
	const blob = await store.ingest(chunks(bytes, 100_000));
	t.deepEqual(blob, {digest: digestOf(bytes), size: bytes.length});
	t.true(await store.has(blob.digest));
	t.is(await store.size(blob.digest), bytes.length);
	const received = await Array.fromAsync(store.read(blob.digest, {size: bytes.length}));
	t.true(Buffer.concat(received).equals(bytes));
});

test('an empty blob is a blob', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const {digest} = await store.write(new Uint8Array());
	t.is(await store.size(digest), 0);
	t.deepEqual(await Array.fromAsync(store.read(digest)), []);
});

test('a sha512 blob is checked by its own algorithm', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const digest = parseDigest(`sha512:${createHash('sha512').update(text).digest('hex')}`);
	await store.ingest(chunks(text), {expectedDigest: digest});
	t.is(Buffer.from(await store.readBytes(digest)).toString(), text);
	t.deepEqual(await Array.fromAsync(store.list()), [digest]);
});

test('the same blob may come twice, also at the same time', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const blobs = await Promise.all(Array.from({length: 5}, async () => store.ingest(chunks(text))));
	t.true(blobs.every(blob => blob.digest === textDigest));
	await assertClean(t, store, [textDigest]);
});

const refuses = test.macro({
	async exec(t, options: {readonly expectedDigest?: Digest; readonly expectedSize?: number}) {
		await using directory = await makeTemporaryDirectory();
		const store = await createLayout(directory.path);
		await t.throwsAsync(store.ingest(chunks(text, 3), options), {code: 'ERR_TSBUILD_CONTENT'});
		await assertClean(t, store, []);
	},
	title: what => `a source is refused that gives ${what!}`,
});

test('other bytes than the digest says', refuses, {expectedDigest: digestOf('other')});
test('more bytes than declared', refuses, {expectedSize: text.length - 1});
test('fewer bytes than declared', refuses, {expectedDigest: textDigest, expectedSize: text.length + 1});

test('a source without end is left as soon as it is too long', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	let count = 0;
	let isClosed = false;
	await t.throwsAsync(store.ingest(endless(), {expectedSize: 25}), {code: 'ERR_TSBUILD_CONTENT'});
	t.is(count, 3);
	t.true(isClosed);

	async function * endless() {
		try {
			for (;;) {
				count++;
				yield Buffer.alloc(10);
			}
		} finally {
			isClosed = true;
		}
	}
});

test('the error of a source comes through, and nothing stays behind', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const reason = new Error('connection lost');
	const source = async function * () {
		yield Buffer.from(text);
		throw reason;
	};

	const error = await t.throwsAsync(store.ingest(source()));
	t.is(error, reason);
	await assertClean(t, store, []);
});

test('an aborted ingest throws the reason, and nothing stays behind', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const controller = new AbortController();
	const source = async function * () {
		yield Buffer.from(text);
		controller.abort(new Error('enough'));
		yield Buffer.from(text);
	};

	await t.throwsAsync(store.ingest(source(), {signal: controller.signal}), {message: 'enough'});
	await assertClean(t, store, []);
});

test('a blob that was damaged on the disk is written anew', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	await store.write(Buffer.from(text));
	for (const write of [async () => store.write(Buffer.from(text)), async () => store.ingest(chunks(text))]) {
		for (const damage of [async () => truncate(store.path(textDigest), 3), async () => writeFile(store.path(textDigest), 'same bytes')]) {
			await damage();
			await write();
			const bytes = await store.readBytes(textDigest);
			t.is(Buffer.from(bytes).toString(), text);
		}
	}
});

const detects = test.macro({
	async exec(t, damage: (file: string) => Promise<void>, options: {readonly size?: number} = {}) {
		await using directory = await makeTemporaryDirectory();
		const store = await createLayout(directory.path);
		await store.write(Buffer.from(text));
		await damage(store.path(textDigest));
		const seen: Uint8Array[] = [];
		await t.throwsAsync(async () => {
			for await (const chunk of store.read(textDigest, options)) {
				seen.push(chunk);
			}
		}, {code: 'ERR_TSBUILD_CONTENT'});
		t.deepEqual(seen, []);
	},
	title: what => `a reader gets an error instead of ${what!}`,
});

test('changed bytes', detects, async file => writeFile(file, 'same bytes'));
test('additional bytes', detects, async file => appendFile(file, '!'), {size: text.length});
test('missing bytes', detects, async file => truncate(file, 3));
test('another size than declared', detects, async () => {/* The descriptor lies, not the blob. */}, {size: 3});
test('a fifo', detects, async file => {
	await rm(file);
	await runCommand('mkfifo', [file]);
});
test('a directory', detects, async file => {
	await rm(file);
	await mkdir(file);
});

test('a missing blob has its own error code', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	await t.throwsAsync(store.readBytes(textDigest), {code: 'ERR_TSBUILD_CONTENT_NOT_FOUND'});
	t.false(await store.has(textDigest));
	t.is(await store.size(textDigest), undefined);
	await t.notThrowsAsync(store.remove(textDigest));
});

test('a blob that is too large for the memory is not read', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	await store.write(Buffer.from(text));
	await t.throwsAsync(store.readBytes(textDigest, {maximumSize: 9}), {code: 'ERR_TSBUILD_CONTENT'});
	const bytes = await store.readBytes(textDigest, {maximumSize: 10});
	t.is(bytes.length, 10);
});

test('a digest that is a path is refused', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	t.throws(() => store.path('sha256:../../../etc/passwd' as Digest), {code: 'ERR_TSBUILD_INVALID_DIGEST'});
});

test('the list holds the blobs and no strangers', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const written = [await store.write(Buffer.from('a')), await store.write(Buffer.from('b'))];
	await writeFile(path.join(directory.path, 'blobs/sha256/README'), '');
	const digests = await Array.fromAsync(store.list());
	t.deepEqual(digests.toSorted(), written.map(blob => blob.digest).toSorted());
});

const testWithMounts = testWhere(spawnSync('unshare', ['--mount', 'true']).status === 0, 'it needs the right to mount');

testWithMounts('a full disk is told as such, and nothing stays behind', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import {createLayout} from ${JSON.stringify(import.meta.resolve('../../snapshotter/content-store.ts'))};
		const store = await createLayout(process.argv[1]);
		const source = async function * () {
			for (;;) yield Buffer.alloc(65536);
		};
		const error = await store.ingest(source()).catch(error => error);
		console.log(JSON.stringify([error.code, error.cause.code, error.hint, fs.readdirSync(process.argv[1], {recursive: true})]));
	`;
	const stdout = await runCommand('unshare', [
		'--mount',
		'sh',
		'-c',
		'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" --input-type=module-typescript --eval "$3" "$1"',
		'sh',
		directory.path,
		process.execPath,
		`import fs from 'node:fs';${program}`,
	]);
	const [code, cause, hint, files] = JSON.parse(stdout) as [string, string, string, string[]];
	t.deepEqual([code, cause, hint], ['ERR_TSBUILD_STORE', 'ENOSPC', 'The disk is full.']);
	t.deepEqual(files.toSorted(), ['blobs', 'blobs/sha256', 'index.json', 'oci-layout']);
});

test('skopeo reads a layout that was made here', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const config = await store.write(Buffer.from(JSON.stringify({
		architecture: 'amd64', os: 'linux', config: {}, rootfs: {type: 'layers', diff_ids: []},
	})));
	const manifest = await store.write(Buffer.from(JSON.stringify({
		schemaVersion: 2,
		mediaType: mediaTypes.manifest,
		config: {mediaType: mediaTypes.config, ...config},
		layers: [],
	})));
	await store.updateIndex(index => ({...index, manifests: [...index.manifests, {mediaType: mediaTypes.manifest, ...manifest, annotations: {'org.opencontainers.image.ref.name': 'one'}}]}));
	const stdout = await runCommand('skopeo', ['inspect', '--raw', `oci:${directory.path}:one`]);
	t.is(digestOf(stdout), manifest.digest);
});

test('changes of the index by many processes are all kept', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = await createLayout(directory.path);
	const add = async (number: number) => {
		const program = `
			import {openLayout} from ${JSON.stringify(import.meta.resolve('../../snapshotter/content-store.ts'))};
			const store = await openLayout(process.argv[1]);
			for (let round = 0; round < 5; round++) {
				await store.updateIndex(index => ({...index, manifests: [...index.manifests, {mediaType: 'text/plain', digest: '${textDigest}', size: ${number}}]}));
			}
		`;
		await runProgram(program, [directory.path]);
	};

	await Promise.all([1, 2, 3, 4].map(async number => add(number)));
	const {manifests} = await store.readIndex();
	t.is(manifests.length, 20);
});

test('a layout that exists is opened and not changed', async t => {
	await using directory = await makeTemporaryDirectory();
	await createLayout(directory.path);
	await writeFile(path.join(directory.path, 'index.json'), '{"schemaVersion": 2, "manifests": [], "annotations": {"a": "b"}}');
	await createLayout(directory.path);
	const store = await openLayout(directory.path);
	t.deepEqual(await store.readIndex(), {schemaVersion: 2, manifests: [], annotations: {a: 'b'}} as never);
});

const refusesLayout = test.macro({
	async exec(t, damage: (directory: string) => Promise<void>) {
		await using directory = await makeTemporaryDirectory();
		await createLayout(directory.path);
		await damage(directory.path);
		await t.throwsAsync(async () => {
			const store = await openLayout(directory.path);
			await store.readIndex();
		}, {code: 'ERR_TSBUILD_LAYOUT'});
	},
	title: what => `a layout is refused ${what!}`,
});

test('without oci-layout', refusesLayout, async directory => rm(path.join(directory, 'oci-layout')));
test('of another version', refusesLayout, async directory => writeFile(path.join(directory, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'));
test('whose index is no JSON', refusesLayout, async directory => writeFile(path.join(directory, 'index.json'), '{'));
test('whose index has a digest that is a path', refusesLayout, async directory => writeFile(path.join(directory, 'index.json'), indexOf('sha256:../../x', 1)));
test('whose index has a negative size', refusesLayout, async directory => writeFile(path.join(directory, 'index.json'), indexOf(textDigest, -1)));
test('whose index is endless', refusesLayout, async directory => {
	await rm(path.join(directory, 'index.json'));
	await symlink('/dev/zero', path.join(directory, 'index.json'));
});
test('whose index waits for a writer', refusesLayout, async directory => {
	await rm(path.join(directory, 'index.json'));
	await runCommand('mkfifo', [path.join(directory, 'index.json')]);
});
test('whose index is huge', refusesLayout, async directory => truncate(path.join(directory, 'index.json'), 1_000_000_000));

function indexOf(digest: string, size: number): string {
	return JSON.stringify({schemaVersion: 2, manifests: [{mediaType: 'a', digest, size}]});
}

async function * chunks(content: string | Uint8Array, size = 4): AsyncGenerator<Uint8Array> {
	const bytes = Buffer.from(content);
	for (let offset = 0; offset < bytes.length; offset += size) {
		yield bytes.subarray(offset, offset + size);
	}
}

async function assertClean(t: ExecutionContext, store: ContentStore, digests: readonly Digest[]): Promise<void> {
	t.deepEqual(await Array.fromAsync(store.list()), digests);
	const names = await readdir(store.directory);
	t.deepEqual(names.toSorted(), ['blobs', 'index.json', 'oci-layout']);
	t.is(await readFile(path.join(store.directory, 'oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}');
}
