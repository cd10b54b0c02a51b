import {execFileSync} from 'node:child_process';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeTemporaryBaseImage} from '../support/base-image.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject} from '../support/project.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

/** A small disk, which is gone after the test. */
async function makeDisk(size: string): Promise<AsyncDisposable & {readonly path: string; resize(size: string): void}> {
	await using cleanup = new AsyncDisposableStack();
	const disk = path.join(cleanup.use(await makeTemporaryDirectory()).path, 'disk');
	await mkdir(disk);
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
	cleanup.defer(() => {
		execFileSync('umount', [disk]);
	});
	const kept = cleanup.move();
	return {
		path: disk,
		resize(newSize) {
			execFileSync('mount', ['-o', `remount,size=${newSize}`, disk]);
		},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

const tellsFullDisk = test.macro(async (t, {size, dockerfile, message}: {readonly size: string; readonly dockerfile: string; readonly message: RegExp}) => {
	await using project = await makeProject({Dockerfile: dockerfile, big: 'x'.repeat(2 ** 24)});
	await using base = await makeTemporaryBaseImage();
	await using disk = await makeDisk(size);
	const root = path.join(disk.path, 'store');
	const build = async () => tsbuild(['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base.directory}`, '-t', 'app:1', project.context], {root});
	const full = await build();
	t.is(full.exitCode, 1, full.stderr);
	t.regex(full.stderr, message);
	await assertNothingLeft(t, root);
	disk.resize('200m');
	const enough = await build();
	t.is(enough.exitCode, 0, enough.stderr);
});

test('a disk that has no room for the base image is told, and the store works later', tellsFullDisk, {
	size: '400k',
	dockerfile: 'FROM base\n',
	message: /^ERROR: failed to build: .*(?:disk is full|ENOSPC)/mv,
});

test('a disk that a step fills is told in the words of the step, and the store works later', tellsFullDisk, {
	size: '12m',
	dockerfile: 'FROM base\nRUN dd if=/dev/zero of=/zero bs=1M count=50\n',
	message: /^ERROR: failed to build: failed to solve: process "\/bin\/sh -c dd .*" did not complete successfully: exit code: 1: no space is left in \/.*\/store$/mv,
});

test('a disk that COPY fills is told, and the store works later', tellsFullDisk, {
	size: '12m',
	dockerfile: 'FROM base\nCOPY big /\n',
	message: /^ERROR: failed to build: failed to solve: .*ENOSPC.*\nThe disk is full\.$/mv,
});
