import {
	existsSync,
	readdirSync,
	readFileSync,
	statSync,
} from 'node:fs';
import {
	chmod,
	mkdir,
	rm,
	symlink,
	utimes,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {Descriptor} from '../../../src/linux/descriptor.ts';
import {makeDeviceFile} from '../../../src/linux/files.ts';
import {makeStepRoot, type StepRoot} from '../../support/step.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const environment = await prepareContainerEnvironment();

// CVE-2023-27561, CVE-2023-28642, CVE-2026-41579
const refusesLink = test.macro(async (t, name: string, target: string) => {
	await using canary = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	await symlink(target === 'canary' ? canary.path : target, path.join(root.lower, name));
	await t.throwsAsync(root.run('true', {environment}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: `failed to mount on /${name}: it is not a directory in the image`});
	t.deepEqual(readdirSync(canary.path), []);
});

for (const name of ['proc', 'sys', 'dev']) {
	test(`/${name} as a link inside the root is refused`, refusesLink, name, 'tmp');
	test(`/${name} as a link to the host is refused`, refusesLink, name, 'canary');
	test(`/${name} as a link out of the root is refused`, refusesLink, name, '../../../../../../tmp');
	test(`/${name} as a link to nothing is refused`, refusesLink, name, '/nonexistent');
}

test('/proc as a file is refused', async t => {
	await using root = await makeStepRoot();
	await writeFile(path.join(root.lower, 'proc'), '');
	await t.throwsAsync(root.run('true', {environment}), {code: 'ERR_TSBUILD_CONTAINER_SETUP'});
});

const mountsOverLink = test.macro(async (t, prepare: (root: StepRoot, canary: string) => Promise<void>) => {
	await using canary = await makeTemporaryDirectory();
	await writeFile(path.join(canary.path, 'resolv.conf'), 'canary\n');
	await using root = await makeStepRoot();
	await prepare(root, canary.path);
	const {stdout, exitCode} = await root.run('cat /etc/hosts', {environment});
	t.is(exitCode, 0);
	t.regex(stdout, /buildkitsandbox/v);
	t.deepEqual(readdirSync(canary.path), ['resolv.conf']);
	t.is(readFileSync(path.join(canary.path, 'resolv.conf'), 'utf8'), 'canary\n');
	t.deepEqual(stubsIn(root.upper), []);
});

test('/etc as a link inside the root is followed', mountsOverLink, async root => {
	await mkdir(path.join(root.lower, 'usr'));
	await rm(path.join(root.lower, 'etc'), {recursive: true});
	await mkdir(path.join(root.lower, 'usr/etc'));
	await symlink('/usr/etc', path.join(root.lower, 'etc'));
});

test('/etc as a link to the host is one inside the root', mountsOverLink, async (root, canary) => {
	await rm(path.join(root.lower, 'etc'), {recursive: true});
	await symlink(canary, path.join(root.lower, 'etc'));
});

test('/etc as a link upwards ends at the root', mountsOverLink, async root => {
	await rm(path.join(root.lower, 'etc'), {recursive: true});
	await symlink('../../../../../../../../usr/etc', path.join(root.lower, 'etc'));
});

test('/etc/resolv.conf as a link to a file that is missing, as systemd has it', mountsOverLink, async root => {
	await symlink('../run/systemd/resolve/stub-resolv.conf', path.join(root.lower, 'etc/resolv.conf'));
});

test('/etc/resolv.conf as a link to a file of the host', mountsOverLink, async (root, canary) => {
	await symlink(path.join(canary, 'resolv.conf'), path.join(root.lower, 'etc/resolv.conf'));
});

test('/etc/resolv.conf as a link to a link to a link upwards', mountsOverLink, async (root, canary) => {
	await symlink('../one', path.join(root.lower, 'etc/resolv.conf'));
	await symlink('tmp/two', path.join(root.lower, 'one'));
	await symlink(`../../../../..${canary}/resolv.conf`, path.join(root.lower, 'tmp/two'));
});

test('/etc/resolv.conf as a link into /proc', mountsOverLink, async root => {
	await symlink('/proc/self/environ', path.join(root.lower, 'etc/resolv.conf'));
});

test('/etc/resolv.conf as a link to /dev/null', mountsOverLink, async root => {
	await symlink('/dev/null', path.join(root.lower, 'etc/resolv.conf'));
});

test('links that go round are refused', async t => {
	await using root = await makeStepRoot();
	await symlink('resolv.conf', path.join(root.lower, 'etc/resolv.conf'));
	await t.throwsAsync(root.run('true', {environment}), {code: 'ELOOP'});
});

test('a directory at /etc/hosts is refused by name', async t => {
	await using root = await makeStepRoot();
	await mkdir(path.join(root.lower, 'etc/hosts'));
	await t.throwsAsync(root.run('true', {environment}), {message: /^failed to mount on \/etc\/hosts: (?:ENOTDIR|EISDIR|EINVAL)$/v});
});

test('a fifo at /etc/hosts is mounted over, and not waited for', async t => {
	await using root = await makeStepRoot();
	makeDeviceFile(undefined, path.join(root.lower, 'etc/hosts'), {kind: 'fifo', mode: 0o644});
	const {stdout} = await root.run('cat /etc/hosts', {environment});
	t.regex(stdout, /localhost/v);
});

// CVE-2025-31133: masked paths are covered by /dev/null, which must be the container's own device.
test('a /dev/null of the image is never used', async t => {
	await using root = await makeStepRoot();
	await mkdir(path.join(root.lower, 'dev'));
	await symlink('/proc/sys/kernel/core_pattern', path.join(root.lower, 'dev/null'));
	await symlink('/etc', path.join(root.lower, 'dev/pts'));
	await symlink('/etc', path.join(root.lower, 'dev/shm'));
	const {stdout, stderr} = await root.run('stat -c %t:%T /dev/null; wc -c < /proc/keys; ls /dev/pts; echo x > /proc/sys/kernel/core_pattern; ls -A /dev/shm', {environment});
	t.is(stdout, '1:3\n0\nptmx\n');
	t.regex(stderr, /Read-only file system/v);
});

test('the stubs that were mounted on are gone, and the directories have their times back', async t => {
	await using root = await makeStepRoot();
	const time = new Date('2001-02-03T04:05:06Z');
	await utimes(path.join(root.lower, 'etc'), time, time);
	await root.run('true', {environment});
	t.deepEqual(stubsIn(root.upper), []);
	t.deepEqual(readdirSync(root.upper).toSorted(), ['dev', 'etc', 'proc', 'sys']);
	t.is(statSync(path.join(root.upper, 'etc')).mtimeMs, time.getTime());
});

test('a step that changes /etc itself keeps its change', async t => {
	await using root = await makeStepRoot();
	const time = new Date('2001-02-03T04:05:06Z');
	await utimes(path.join(root.lower, 'etc'), time, time);
	await root.run('echo x > /etc/mine', {environment});
	t.deepEqual(readdirSync(path.join(root.upper, 'etc')), ['mine']);
	t.true(statSync(path.join(root.upper, 'etc')).mtimeMs > time.getTime());
});

test('files of the image that were mounted on stay as they are', async t => {
	await using root = await makeStepRoot();
	await writeFile(path.join(root.lower, 'etc/hosts'), 'of the image\n');
	await writeFile(path.join(root.lower, 'etc/resolv.conf'), '');
	await root.run('true', {environment});
	t.is(readFileSync(path.join(root.lower, 'etc/hosts'), 'utf8'), 'of the image\n');
	t.false(existsSync(path.join(root.upper, 'etc/hosts')));
	t.false(existsSync(path.join(root.upper, 'etc/resolv.conf')));
});

// CVE-2024-23652
test('a directory that the step has moved and replaced by a link does not lead the clean-up away', async t => {
	await using canary = await makeTemporaryDirectory();
	await writeFile(path.join(canary.path, 'hosts'), '');
	await writeFile(path.join(canary.path, 'resolv.conf'), '');
	await using root = await makeStepRoot();
	await rm(path.join(root.lower, 'etc'), {recursive: true});
	const {exitCode} = await root.run(`mkdir /x; mv /etc /x/etc || cp -r /etc /x; ln -s ${canary.path} /etc; ls -l / >&2`, {environment, security: 'insecure'});
	t.is(exitCode, 0);
	t.deepEqual(readdirSync(canary.path).toSorted(), ['hosts', 'resolv.conf']);
});

test('a working directory through a link to the host is made inside the root', async t => {
	await using canary = await makeTemporaryDirectory();
	await using root = await makeStepRoot();
	await symlink(canary.path, path.join(root.lower, 'link'));
	const {stdout} = await root.run('pwd -P; touch here', {environment, cwd: '/link/a/../b'});
	t.is(stdout, `${canary.path}/b\n`);
	t.deepEqual(readdirSync(canary.path), []);
	t.true(existsSync(path.join(root.upper, canary.path, 'b/here')));
});

test('a working directory below a file is refused', async t => {
	await using root = await makeStepRoot();
	await t.throwsAsync(root.run('true', {environment, cwd: '/etc/passwd/x'}), {code: 'ENOTDIR'});
});

test('a root that nobody may search still runs as root', async t => {
	await using root = await makeStepRoot();
	await chmod(path.join(root.lower, 'etc'), 0o000);
	const {stdout} = await root.run('id -un', {environment});
	t.is(stdout, 'root\n');
});

// Alone, since it counts the descriptors of the process.
test.serial('a failing setup leaves no stubs and no open descriptors', async t => {
	await using root = await makeStepRoot();
	await t.throwsAsync(root.run('true', {environment, hostname: 'x'.repeat(65)}));
	t.deepEqual(stubsIn(root.upper), []);
	const before = readdirSync('/proc/self/fd').length;
	await t.throwsAsync(root.run('true', {environment, hostname: 'x'.repeat(65)}));
	await t.throwsAsync(root.run('true', {environment, user: 'nosuch'}));
	using _probe = Descriptor.open('/', 0);
	t.true(readdirSync('/proc/self/fd').length <= before + 1);
});

// Whatever was made to mount on, wherever the links have led.
function stubsIn(upper: string): readonly string[] {
	return readdirSync(upper, {recursive: true, encoding: 'utf8'}).filter(name => ['hosts', 'resolv.conf', 'stub-resolv.conf', 'environ'].includes(path.basename(name)));
}
