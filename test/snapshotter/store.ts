import {Buffer} from 'node:buffer';
import {
	chmod,
	chown,
	mkdir,
	readdir,
	readFile,
	stat,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {openStore} from '../../snapshotter/store.ts';
import {asRoot} from '../support/conditions.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const storeModule = JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'));

asRoot('a missing directory becomes a store, for root alone', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'new/store');
	{
		await using store = await openStore(root);
		t.is(store.root, root);
	}

	const {mode} = await stat(root);
	t.is(mode & 0o777, 0o700);
	t.is(await readFile(path.join(root, 'format'), 'utf8'), '1\n');
	t.is(await readFile(path.join(root, 'content/oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}');
});

asRoot('a directory of another user does not become a store', async t => {
	await using directory = await makeTemporaryDirectory();
	await chown(directory.path, 1000, 1000);
	await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE', message: `failed to open store ${directory.path}: it belongs to user 1000`});
	t.deepEqual(await readdir(directory.path), []);
});

asRoot('a store that another user owns or may write to is refused', async t => {
	await using directory = await makeTemporaryDirectory();
	{
		await using _store = await openStore(directory.path);
	}

	for (const mode of [0o777, 0o770, 0o1777]) {
		await chmod(directory.path, mode);
		await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE', message: `failed to open store ${directory.path}: other users may write to it`});
	}

	await chmod(directory.path, 0o700);
	await chown(directory.path, 1000, 0);
	await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE', message: `failed to open store ${directory.path}: it belongs to user 1000`});
});

asRoot('a directory in which others may have laid parts of a store does not become one', async t => {
	await using directory = await makeTemporaryDirectory();
	await mkdir(path.join(directory.path, 'snapshots'));
	await chmod(directory.path, 0o777);
	await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE', message: `failed to open store ${directory.path}: other users may write to it`});
});

asRoot('an empty directory that is open to others becomes a store for root alone', async t => {
	await using directory = await makeTemporaryDirectory();
	await chmod(directory.path, 0o755);
	await using _store = await openStore(directory.path);
	const {mode} = await stat(directory.path);
	t.is(mode & 0o777, 0o700);
});

asRoot('a directory with other files is not touched', async t => {
	await using directory = await makeTemporaryDirectory();
	await chmod(directory.path, 0o755);
	await writeFile(path.join(directory.path, 'letter.txt'), '');
	await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE', message: /letter\.txt/v});
	const {mode} = await stat(directory.path);
	t.is(mode & 0o777, 0o755);
	t.deepEqual(await readdir(directory.path), ['letter.txt']);
});

asRoot('a file is not a store', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'file');
	await writeFile(file, '');
	await t.throwsAsync(openStore(file), {code: 'ERR_TSBUILD_STORE'});
});

asRoot('a store that was made in part is completed', async t => {
	await using directory = await makeTemporaryDirectory();
	await mkdir(path.join(directory.path, '.probe-1/upper'), {recursive: true});
	await mkdir(path.join(directory.path, 'snapshots'));
	await writeFile(path.join(directory.path, 'format.new'), '');
	await using store = await openStore(directory.path);
	t.deepEqual(await readdir(path.join(store.root, 'snapshots')), []);
});

for (const [what, text, code] of [['of a newer format', '2\n', 'ERR_TSBUILD_STORE_VERSION'], ['whose format is damaged', 'x', 'ERR_TSBUILD_STORE']] as const) {
	asRoot(`a store ${what} is refused`, async t => {
		await using directory = await makeTemporaryDirectory();
		await writeFile(path.join(directory.path, 'format'), text);
		const error = await t.throwsAsync(openStore(directory.path), {code});
		t.truthy((error as {readonly hint?: string}).hint);
	});
}

asRoot('a store on an overlay keeps copies, and is refused with a hint when it must not', async t => {
	await using directory = await makeTemporaryDirectory();
	const output = await runCommand('unshare', ['--mount', 'sh', '-c', `
		cd "$1" && mkdir lower upper work merged && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged &&
		exec "$2" --input-type=module-typescript --eval "$3" "$1/merged"
	`, 'sh', directory.path, process.execPath, `
		import {openStore} from ${storeModule};
		const root = process.argv[1] + '/store';
		const refused = await openStore(root, {snapshotter: 'overlay'}).catch(error => error);
		console.log(refused.code, /--root/.test(refused.hint));
		for (const time of ['new', 'later']) {
			await using store = await openStore(root);
			console.log(time, store.snapshotter.name, store.overlayFailure);
		}
	`]);
	const [refusal, ...opened] = output.trim().split('\n');
	t.is(refusal, 'ERR_TSBUILD_STORE_FILE_SYSTEM true');
	t.regex(opened[0]!, /^new native failed to .+ overlay/v);
	t.is(opened[1], opened[0]!.replace('new', 'later'));
});

asRoot('a store keeps the snapshotter that it was made with', async t => {
	await using directory = await makeTemporaryDirectory();
	{
		await using store = await openStore(directory.path, {snapshotter: 'native'});
		t.is(store.overlayFailure, undefined, 'it was wanted so');
	}

	{
		await using store = await openStore(directory.path);
		t.is(store.snapshotter.name, 'native');
	}

	const error = await t.throwsAsync(openStore(directory.path, {snapshotter: 'overlay'}), {
		code: 'ERR_TSBUILD_STORE_SNAPSHOTTER',
		message: `failed to open store ${directory.path}: its snapshotter is native, not overlay`,
	});
	t.regex((error as {readonly hint?: string}).hint ?? '', /--root/v);
	await writeFile(path.join(directory.path, 'snapshotter'), 'x');
	await t.throwsAsync(openStore(directory.path), {code: 'ERR_TSBUILD_STORE'});
});

asRoot('a full disk is told as such', async t => {
	await using directory = await makeTemporaryDirectory();
	const output = await runCommand('unshare', ['--mount', 'sh', '-c', `
		mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" --input-type=module-typescript --eval "$3" "$1/store"
	`, 'sh', directory.path, process.execPath, `
		import fs from 'node:fs';
		import {openStore} from ${storeModule};
		const store = await openStore(process.argv[1]);
		const fill = fs.openSync(process.argv[1] + '/../fill', 'w');
		try {
			for (;;) fs.writeSync(fill, Buffer.alloc(4096));
		} catch {}
		const errors = [];
		for (let round = 0; round < 1000 && errors.length === 0; round++) {
			try {
				const active = await store.snapshotter.prepare(undefined);
				await active.commit({description: 'x'.repeat(10_000)});
			} catch (error) {
				errors.push(error);
			}
		}
		console.log(errors[0].code, errors[0].hint);
		fs.ftruncateSync(fill);
		const active = await store.snapshotter.prepare(undefined);
		await active.commit({description: ''});
		await store[Symbol.asyncDispose]();
		console.log('works again');
	`]);
	t.is(output, 'ERR_TSBUILD_STORE The disk is full.\nworks again\n');
});

asRoot('what lies where a new snapshot is made is not taken over', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	await mkdir(path.join(store.root, 'snapshots/1/fs/old'), {recursive: true});
	await using active = await store.snapshotter.prepare(undefined);
	t.is(active.id, 1 as typeof active.id);
	t.deepEqual(await readdir(active.changesDirectory), []);
});

asRoot('blobs are kept in an image layout, without leftovers', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	const {digest} = await store.content.write(Buffer.from('text'));
	t.deepEqual(await Array.fromAsync(store.content.list()), [digest]);
	t.deepEqual(await readdir(store.session.directory), ['lock']);
});
