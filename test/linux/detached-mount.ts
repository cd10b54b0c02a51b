import {
	mkdirSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import process from 'node:process';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {cloneMount} from '../../src/linux/detached-mount.ts';
import {readMountInformation} from '../../src/linux/mount-information.ts';
import {O_PATH} from '../../src/linux/constants.ts';
import {asRoot} from '../support/conditions.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

test('a clone shows the directory, and is attached nowhere', async t => {
	await using directory = await makeTemporaryDirectory();
	writeFileSync(join(directory.path, 'file'), 'content');
	const before = await readMountInformation();
	using mount = cloneMount(directory.path, {readOnly: false, recursive: false});
	t.is(readFileSync(join(mount.path, 'file'), 'utf8'), 'content');
	writeFileSync(join(mount.path, 'new'), '');
	t.deepEqual(readdirSync(directory.path), ['file', 'new']);
	t.deepEqual(await readMountInformation(), before);
});

test('a read-only clone cannot be written, while its original can', async t => {
	await using directory = await makeTemporaryDirectory();
	using mount = cloneMount(directory.path, {readOnly: true, recursive: true});
	t.throws(() => {
		writeFileSync(join(mount.path, 'new'), '');
	}, {code: 'EROFS'});
	t.notThrows(() => {
		writeFileSync(join(directory.path, 'new'), '');
	});
});

test('a single file is cloned, by path and by descriptor', async t => {
	await using directory = await makeTemporaryDirectory();
	const path = join(directory.path, 'file');
	writeFileSync(path, 'content');
	using file = Descriptor.open(path, O_PATH);
	for (const source of [path, file]) {
		using mount = cloneMount(source, {readOnly: true, recursive: false});
		t.is(readFileSync(mount.path, 'utf8'), 'content');
	}
});

asRoot('a clone of a mount that forbids programs lets them run when that is lifted', async t => {
	await using directory = await makeTemporaryDirectory();
	const output = await runCommand('unshare', ['--mount', 'sh', '-c', `
		mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$1" && cp /bin/true "$1" && exec "$2" --input-type=module-typescript --eval "$3" "$1"
	`, 'sh', directory.path, process.execPath, `
		import {spawnSync} from 'node:child_process';
		const {cloneMount, liftRestrictions} = await import(${JSON.stringify(import.meta.resolve('../../src/linux/detached-mount.ts'))});
		using mount = cloneMount(process.argv[1], {readOnly: false, recursive: false});
		const run = () => spawnSync(mount.path + '/true').error?.code ?? 'runs';
		console.log(run());
		liftRestrictions(mount);
		console.log(run());
	`]);
	t.is(output, 'EACCES\nruns\n');
});

test('what is mounted below is there only when asked for', t => {
	using flat = cloneMount('/', {readOnly: true, recursive: false});
	t.deepEqual(readdirSync(join(flat.path, 'proc')), []);
	using deep = cloneMount('/', {readOnly: true, recursive: true});
	t.true(readdirSync(join(deep.path, 'proc')).includes('version'));
});

test('a missing source is an error with its path', t => {
	t.throws(() => cloneMount('/none', {readOnly: true, recursive: false}), {code: 'ENOENT', message: 'failed to clone mount of /none: ENOENT'});
});

test.serial('no descriptor is left open after an error', async t => {
	await using directory = await makeTemporaryDirectory();
	mkdirSync(join(directory.path, 'a'));
	const before = readdirSync('/proc/self/fd').length;
	t.throws(() => cloneMount(join(directory.path, 'b'), {readOnly: true, recursive: false}));
	t.is(readdirSync('/proc/self/fd').length, before);
});
