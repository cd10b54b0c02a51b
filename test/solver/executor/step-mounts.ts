import {
	existsSync,
	readdirSync,
	readFileSync,
	statSync,
} from 'node:fs';
import {mkdir, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import type {ContainerMount} from '../../../solver/executor/container-spec.ts';
import {errorCode} from '../../../src/kernel/errors.ts';
import {cloneMount} from '../../../src/linux/detached-mount.ts';
import {makeStepRoot} from '../../support/step.ts';
import {swapAllTheTime} from '../../support/swap-all-the-time.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const environment = await prepareContainerEnvironment();

function bind(source: string, target: string, {isWritable = false} = {}): ContainerMount {
	return {
		type: 'detached', mount: cloneMount(source, {readOnly: false, recursive: false}), target, readOnly: !isWritable,
	};
}

function tmpfs(target: string, options = ''): ContainerMount {
	return {type: 'tmpfs', target, options};
}

test('a directory is mounted where there is none, which leaves no trace', async t => {
	await using source = await makeTemporaryDirectory();
	await writeFile(path.join(source.path, 'file'), 'content\n');
	await using root = await makeStepRoot();
	const mounts = [bind(source.path, '/a/b/c'), bind(path.join(source.path, 'file'), '/run/secrets/one')];
	const {stdout, stderr} = await root.run('cat /a/b/c/file /run/secrets/one; touch /a/b/c/new; echo x > /run/secrets/one', {environment, mounts});
	t.is(stdout, 'content\ncontent\n');
	t.regex(stderr, /(?:Read-only file system[^R]*){2}/v);
	t.false(existsSync(path.join(root.upper, 'a')));
	t.false(existsSync(path.join(root.upper, 'run')));
	t.deepEqual(readdirSync(source.path), ['file']);
});

test('a mount that may be written is', async t => {
	await using source = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	const {exitCode} = await root.run('echo new > /cache/file', {environment, mounts: [bind(source.path, '/cache', {isWritable: true})]});
	t.is(exitCode, 0);
	t.is(readFileSync(path.join(source.path, 'file'), 'utf8'), 'new\n');
});

test('a place that the step puts something into stays, without the mount', async t => {
	await using source = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	await root.run('touch /a/mine', {environment, mounts: [bind(source.path, '/a/b')]});
	t.deepEqual(readdirSync(path.join(root.upper, 'a')), ['mine']);
});

test('a tmpfs has its options', async t => {
	await using root = await makeStepRoot();
	const mounts = [tmpfs('/t', 'size=1m,mode=700,nosuid,nodev,noexec')];
	const {stdout} = await root.run('grep " /t " /proc/mounts | cut -d" " -f3,4; stat -c %a /t', {environment, mounts});
	t.regex(stdout, /^tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k,mode=700\S*\n700\n$/v);
});

test('mounts may lie in one another, the later in the earlier', async t => {
	await using source = await makeTemporaryDirectory();
	await mkdir(path.join(source.path, 'inner'));
	await using root = await makeStepRoot();
	const mounts = [
		tmpfs('/t'),
		bind(source.path, '/t/deep/bind'),
		tmpfs('/t/deep/bind/inner'),
		bind(source.path, '/t/deep/bind/inner/again'),
	];
	const {stdout, exitCode} = await root.run('touch /t/deep/bind/inner/x && ls /t/deep/bind/inner /t/deep/bind/inner/again', {environment, mounts});
	t.is(exitCode, 0);
	t.is(stdout, '/t/deep/bind/inner:\nagain\nx\n\n/t/deep/bind/inner/again:\ninner\n');
	t.deepEqual(readdirSync(source.path, {recursive: true}), ['inner']);
	t.false(existsSync(path.join(root.upper, 't')));
});

test('a place that is missing in a read-only mount is an error, and is not made in its source', async t => {
	await using source = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	const mounts = [bind(source.path, '/a'), tmpfs('/a/missing')];
	await t.throwsAsync(root.run('true', {environment, mounts}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: 'failed to mount on /a/missing: it cannot be made in a read-only mount'});
	t.deepEqual(readdirSync(source.path), []);
});

test('links in a mount that others share lead no further mount out of it', async t => {
	await using canary = await makeTemporaryDirectory();
	await using source = await makeTemporaryDirectory();
	await symlink(canary.path, path.join(source.path, 'link'));
	await symlink('../../../../../../../../', path.join(source.path, 'up'));
	await using root = await makeStepRoot();
	const mounts = [bind(source.path, '/cache', {isWritable: true}), tmpfs('/cache/link/x'), tmpfs('/cache/up/y')];
	const {exitCode} = await root.run('true', {environment, mounts});
	t.is(exitCode, 0);
	t.deepEqual(readdirSync(canary.path), []);
	t.false(existsSync('/y'));
	t.true(statSync(path.join(source.path, canary.path, 'x')).isDirectory());
});

// CVE-2024-45310, CVE-2026-42306
test('a directory of a shared cache that becomes a link meanwhile leads no mount out of it', async t => {
	await using canary = await makeTemporaryDirectory();
	await using source = await makeTemporaryDirectory();
	await mkdir(path.join(source.path, 'directory'));
	await symlink(canary.path, path.join(source.path, 'link'));
	await using root = await makeStepRoot();
	await using _swapper = await swapAllTheTime(path.join(source.path, 'directory'), path.join(source.path, 'link'));
	const outcomes = new Set<string | undefined>();
	for (let round = 0; round < 40; round++) {
		const mounts = [bind(source.path, '/cache', {isWritable: true}), tmpfs('/cache/directory/made/deep')];
		try {
			const {exitCode} = await root.run('test -d /cache', {environment, mounts});
			outcomes.add(`exit code ${exitCode}`);
		} catch (error) {
			outcomes.add(errorCode(error));
		}
	}

	t.deepEqual(readdirSync(canary.path), []);
	// ENOENT: it was a link at one look and a directory at the next.
	t.deepEqual([...outcomes].filter(outcome => outcome !== 'exit code 0' && outcome !== 'ENOENT'), []);
});

test('a target through links of the image stays in the root', async t => {
	await using canary = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	await symlink(canary.path, path.join(root.lower, 'link'));
	const {stdout} = await root.run('grep -c "tmpfs /tmp/" /proc/mounts; touch /link/x/file', {environment, mounts: [tmpfs('/link/x')]});
	t.is(stdout, '1\n');
	t.deepEqual(readdirSync(canary.path), []);
});

test('mounts in /dev are possible, as BuildKit has them for heredocs', async t => {
	await using source = await makeTemporaryDirectory();
	await writeFile(path.join(source.path, 'EOF'), '#!/bin/sh\necho from a pipe\n', {mode: 0o755});
	await using root = await makeStepRoot();
	const mounts = [bind(source.path, '/dev/pipes/deep'), bind(path.join(source.path, 'EOF'), '/dev/one'), tmpfs('/dev/shm', 'size=2m')];
	const {stdout} = await root.run('/dev/pipes/deep/EOF; /dev/one; df -k /dev/shm | awk \'END {print $2}\'', {environment, mounts});
	t.is(stdout, 'from a pipe\nfrom a pipe\n2048\n');
});

const refusesTarget = test.macro({
	async exec(t, target: string) {
		await using root = await makeStepRoot();
		await t.throwsAsync(root.run('true', {environment, mounts: [tmpfs(target)]}), {code: 'ERR_TSBUILD_CONTAINER_SETUP'});
	},
	title: (_title, target: string) => `nothing is mounted on ${JSON.stringify(target)}`,
});

test(refusesTarget, '/');
test(refusesTarget, '/proc');
test(refusesTarget, '/dev');
test(refusesTarget, '/dev/../dev/');
test(refusesTarget, '/proc/sys');
test(refusesTarget, '/sys/fs/cgroup');
test(refusesTarget, '/x/../proc/self');
test(refusesTarget, '');

test('a working directory in a mount is made there, and not in the root', async t => {
	await using source = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	const {stdout} = await root.run('pwd', {environment, mounts: [bind(source.path, '/cache', {isWritable: true})], cwd: '/cache/a/b'});
	t.is(stdout, '/cache/a/b\n');
	t.true(existsSync(path.join(source.path, 'a/b')));
	t.false(existsSync(path.join(root.upper, 'cache')));
});

test('a mount over /etc hides the generated files', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run(['/bin/busybox', 'ls', '/etc'], {environment, mounts: [tmpfs('/etc')]});
	t.is(stdout, '');
});

// CVE-2025-52565: links in /dev lead to descriptors of init, or are a stranger's.
const followsNoLink = test.macro({
	async exec(t, target: string) {
		await using source = await makeTemporaryDirectory();
		await symlink('/etc', path.join(source.path, 'link'));
		await symlink('/proc', path.join(source.path, 'proc'));
		await using root = await makeStepRoot();
		const mounts = [bind(source.path, '/dev/a', {isWritable: true}), tmpfs(target)];
		await t.throwsAsync(root.run('true', {environment, mounts}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: /: (?:ELOOP|ENOTDIR)$/v});
		t.deepEqual(readdirSync(source.path).toSorted(), ['link', 'proc']);
		t.false(existsSync(path.join(root.upper, 'etc/x')));
	},
	title: (_title, target: string) => `no link leads the mount on ${target} elsewhere`,
});

test(followsNoLink, '/dev/fd/3');
test(followsNoLink, '/dev/fd/11/x');
test(followsNoLink, '/dev/ptmx');
test(followsNoLink, '/dev/core');
test(followsNoLink, '/dev/a/link');
test(followsNoLink, '/dev/a/link/x');
test(followsNoLink, '/dev/a/proc/sys/kernel');

// CVE-2025-31133
test('a mount over /dev/null masks nothing and is not standard input', async t => {
	await using source = await makeTemporaryDirectory();
	await writeFile(path.join(source.path, 'file'), 'of a stranger\n');
	await using root = await makeStepRoot();
	const mounts = [bind(path.join(source.path, 'file'), '/dev/null', {isWritable: true})];
	const {stdout} = await root.run('cat; cat /dev/null; wc -c < /proc/keys; stat -c %t:%T /proc/keys', {environment, mounts});
	t.is(stdout, 'of a stranger\n0\n1:3\n');
});
