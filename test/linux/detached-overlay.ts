import {execFileSync} from 'node:child_process';
import {
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import process from 'node:process';
import test from 'ava';
import {createDetachedOverlay, type OverlayMethod} from '../../src/linux/detached-overlay.ts';
import type {LinuxError} from '../../src/linux/linux-error.ts';
import {readMountInformation} from '../../src/linux/mount-information.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

/** Directories "0" (the uppermost) and on, each with a file of its own and a file "top" that says which it is. */
function makeLowerDirectories(parent: string, count: number): readonly string[] {
	return Array.from({length: count}, (_value, index) => {
		// Names with all that means something in overlay's options.
		const path = join(parent, String.raw`,lower:\,=` + String(index));
		mkdirSync(path);
		writeFileSync(join(path, `file-${index}`), '');
		writeFileSync(join(path, 'top'), String(index));
		return path;
	});
}

function methodName(method: OverlayMethod | undefined): string {
	return method ?? 'the first method that works';
}

const merges = test.macro({
	async exec(t, method: OverlayMethod | undefined, count: number) {
		await using directory = await makeTemporaryDirectory();
		const lowerDirectories = makeLowerDirectories(directory.path, count);
		using mount = await createDetachedOverlay({lowerDirectories}, method);
		t.is(readdirSync(mount.path).length, count + 1);
		t.is(readFileSync(join(mount.path, 'top'), 'utf8'), '0');
		t.throws(() => {
			writeFileSync(join(mount.path, 'new'), '');
		}, {code: 'EROFS'});
	},
	title: (_title, method: OverlayMethod | undefined, count: number) => `${count} lower directories are one, by ${methodName(method)}`,
});

test(merges, undefined, 1);
test(merges, undefined, 2);
test(merges, undefined, 127);
test(merges, 'string', 2);
test(merges, 'thread', 2);
test(merges, 'thread', 127);

const writes = test.macro({
	async exec(t, method: OverlayMethod | undefined, count: number) {
		await using directory = await makeTemporaryDirectory();
		const lowerDirectories = makeLowerDirectories(directory.path, count);
		const upperDirectory = join(directory.path, 'upper');
		const workDirectory = join(directory.path, 'work');
		mkdirSync(upperDirectory);
		mkdirSync(workDirectory);
		{
			using mount = await createDetachedOverlay({lowerDirectories, upperDirectory, workDirectory}, method);
			writeFileSync(join(mount.path, 'new'), 'x');
			rmSync(join(mount.path, 'top'));
			t.false(readdirSync(mount.path).includes('top'));
		}

		t.deepEqual(readdirSync(upperDirectory), ['new', 'top']);
		const whiteout = lstatSync(join(upperDirectory, 'top'));
		t.true(whiteout.isCharacterDevice());
		t.is(whiteout.rdev, 0);
		t.is(readFileSync(join(lowerDirectories[0]!, 'top'), 'utf8'), '0');
	},
	title: (_title, method: OverlayMethod | undefined, count: number) => `what is written over ${count} lower directories is in the upper directory, by ${methodName(method)}`,
});

test(writes, undefined, 1);
test(writes, undefined, 127);
test(writes, 'string', 1);
test(writes, 'thread', 127);

for (const method of [undefined, 'string', 'thread'] as const) {
	test.serial(`an overlay by ${methodName(method)} is in no mount table, and leaves no descriptor open`, async t => {
		await using directory = await makeTemporaryDirectory();
		const lowerDirectories = makeLowerDirectories(directory.path, 3);
		// The first thread leaves a few descriptors of Node behind.
		const warmUp = await createDetachedOverlay({lowerDirectories}, method);
		warmUp.close();
		const mounts = await readMountInformation();
		const descriptors = readdirSync('/proc/self/fd').length;
		const mount = await createDetachedOverlay({lowerDirectories}, method);
		t.deepEqual(await readMountInformation(), mounts);
		mount.close();
		t.is(readdirSync('/proc/self/fd').length, descriptors);
	});
}

test('an overlay ends with its process, even by SIGKILL', async t => {
	await using directory = await makeTemporaryDirectory();
	const lowerDirectories = makeLowerDirectories(directory.path, 3);
	const upperDirectory = join(directory.path, 'upper');
	const workDirectory = join(directory.path, 'work');
	mkdirSync(upperDirectory);
	mkdirSync(workDirectory);
	const layers = {lowerDirectories, upperDirectory, workDirectory};
	const script = `
		import {createDetachedOverlay} from ${JSON.stringify(new URL('../../src/linux/detached-overlay.ts', import.meta.url).href)};
		await createDetachedOverlay(${JSON.stringify(layers)});
		process.kill(process.pid, 'SIGKILL');
	`;
	t.throws(() => execFileSync(process.execPath, ['--input-type=module', '--eval', script], {stdio: 'ignore'}), {message: /Command failed/v});
	const mounts = await readMountInformation();
	t.false(mounts.some(({type, superOptions}) => type === 'overlay' && superOptions.join(',').includes(directory.path)));
	// The kernel would warn, and on some systems refuse, if the first overlay were still there.
	const nextWorkDirectory = join(directory.path, 'next-work');
	mkdirSync(nextWorkDirectory);
	using mount = await createDetachedOverlay({...layers, workDirectory: nextWorkDirectory});
	t.true(readdirSync(mount.path).includes('top'));
});

test('layers that cannot be are refused before the kernel is asked', async t => {
	await t.throwsAsync(createDetachedOverlay({lowerDirectories: []}), {instanceOf: TypeError});
	await t.throwsAsync(createDetachedOverlay({lowerDirectories: ['/'], upperDirectory: '/tmp'}), {instanceOf: TypeError});
});

test('a missing layer is named', async t => {
	for (const method of [undefined, 'string', 'thread'] as const) {
		await t.throwsAsync(createDetachedOverlay({lowerDirectories: ['/tmp', '/none']}, method), {code: 'ENOENT', message: 'failed to open /none: ENOENT'});
	}
});

const refuses = test.macro({
	async exec(t, method: OverlayMethod | undefined) {
		await using directory = await makeTemporaryDirectory();
		const lowerDirectories = makeLowerDirectories(directory.path, 2);
		const upperDirectory = join(directory.path, 'upper');
		mkdirSync(upperDirectory);
		const error = await t.throwsAsync(createDetachedOverlay({lowerDirectories, upperDirectory, workDirectory: '/proc'}, method));
		t.is((error as LinuxError).code, 'EINVAL');
	},
	title: (_title, method: OverlayMethod | undefined) => `a work directory of another file system is refused, by ${methodName(method)}`,
});

test(refuses, undefined);
test(refuses, 'string');
test(refuses, 'thread');
