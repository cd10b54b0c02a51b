import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
	chmodSync,
	existsSync,
	readFileSync,
	statSync,
} from 'node:fs';
import {rm, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {capabilityMask} from '../../../solver/executor/capabilities.ts';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {encodeInitProgram} from '../../../solver/executor/init-program.ts';
import {cloneMount} from '../../../src/linux/detached-mount.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeStepRoot, type StepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

const shells = ['/bin/busybox', process.execPath];

function digestsOfHostPrograms(): readonly string[] {
	return shells.map(program => createHash('sha256').update(readFileSync(program)).digest('hex'));
}

// CVE-2019-5736: a step that gets the container's first program to run its own text can overwrite /proc/self/exe.
const cannotOverwriteInit = test.macro(async (t, prepare: (root: StepRoot) => Promise<readonly string[]>) => {
	const before = digestsOfHostPrograms();
	await using root = await makeStepRoot();
	const command = await prepare(root);
	const {stdout, stderr} = await root.run(command, {environment});
	t.notRegex(`${stdout}${stderr}`, /overwritten/v);
	t.deepEqual(digestsOfHostPrograms(), before);
	const after = await root.run(['/bin/busybox', 'echo', 'still here'], {environment});
	t.is(after.stdout, 'still here\n');
});

test('init cannot be overwritten by an exec form of /proc/self/exe', cannotOverwriteInit, async () => ['/proc/self/exe']);

test('init cannot be overwritten by a /bin/sh that is a link to it', cannotOverwriteInit, async root => {
	await rm(path.join(root.lower, 'bin/sh'));
	await symlink('/proc/self/exe', path.join(root.lower, 'bin/sh'));
	return ['/bin/sh', '-c', 'echo x > /proc/self/exe && echo overwritten'];
});

test('init cannot be overwritten by a script whose interpreter is it', cannotOverwriteInit, async root => {
	await writeFile(path.join(root.lower, 'evil'), '#!/proc/self/exe\n', {mode: 0o755});
	return ['/evil'];
});

test('no process of the step can open a program of the host', async t => {
	await using root = await makeStepRoot();
	// Each process that the step can see runs the step's own busybox.
	const {stdout} = await root.run('for p in /proc/[0-9]*; do readlink $p/exe; done | sort -u', {environment});
	t.is(stdout, '/bin/busybox\n');
});

test('the step has no descriptors but standard input, output and error output', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('for n in $(seq 0 99); do [ -e /proc/$$/fd/$n ] && echo $n; done', {environment});
	t.is(stdout, '0\n1\n2\n');
});

test('standard input is the null device of the container: changing it leaves the host\'s alone', async t => {
	const before = statSync('/dev/null');
	await using root = await makeStepRoot();
	const {exitCode, stdout} = await root.run('cat; chmod 000 /proc/self/fd/0 && chown 1:1 /dev/stdin && stat -c %a /dev/null', {environment});
	const after = statSync('/dev/null');
	t.is(exitCode, 0);
	t.is(stdout, '0\n');
	t.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
});

const leadsNowhere = test.macro(async (t, cwd: string) => {
	await using root = await makeStepRoot();
	await symlink('/proc/self/fd', path.join(root.lower, 'descriptors'));
	const error = await t.throwsAsync(root.run('cat /etc/passwd; ls ..', {environment, cwd}));
	t.is((error as NodeJS.ErrnoException).code, 'ERR_TSBUILD_CONTAINER_SETUP');
	t.regex(error.message, /^failed to enter working directory .*: (?:ENOENT|ENOTDIR)$/v);
});

// CVE-2024-21626
for (const number of [3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20]) {
	test(`the working directory /proc/self/fd/${number} leads nowhere`, leadsNowhere, `/proc/self/fd/${number}`);
}

test('a standard descriptor is no working directory', leadsNowhere, '/proc/self/fd/0');
test('a path through a descriptor leads nowhere', leadsNowhere, '/proc/self/fd/5/../../../etc');

test('a link to a descriptor as working directory leads nowhere', async t => {
	await using root = await makeStepRoot();
	await symlink('/proc/self/fd/5', path.join(root.lower, 'link'));
	// The link leads to an ordinary directory of that name, which is made in the root, where the step's /proc lies over it.
	await t.throwsAsync(root.run('ls', {environment, cwd: '/link'}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: 'failed to enter working directory /link: ENOENT'});
});

test('hostname and hosts are those of the sandbox', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('hostname; head -n1 /etc/hosts; tail -n1 /etc/hosts', {environment, hostname: 'elsewhere', extraHosts: [{name: 'db', address: '192.0.2.7'}]});
	t.is(stdout, 'elsewhere\n127.0.0.1\tlocalhost elsewhere\n192.0.2.7\tdb\n');
});

test('what tells about the host is masked, and what acts on it read-only', async t => {
	await using root = await makeStepRoot();
	const script = `
		for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do [ -e $f ] && wc -c < $f; done
		for d in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do [ -e $d ] && ls -A $d; done
		echo 1 > /proc/sys/kernel/panic; echo h > /proc/sysrq-trigger; mkdir /sys/fs/cgroup/memory/x; mkdir /sys/fs/cgroup/x; touch /sys/x /proc/sys/x
		echo end
	`;
	const {stdout, stderr} = await root.run(script, {environment});
	t.regex(stdout, /^(?:0\n)*end\n$/v);
	// An AppArmor profile says so for /proc/kcore, whatever lies over it.
	t.notRegex(stderr, /(?<!\/proc\/kcore: )Permission denied/v);
	t.regex(stderr, /(?:Read-only file system[^R]*){4}/v);
});

test('generated files of /etc cannot be changed or unmounted', async t => {
	await using root = await makeStepRoot();
	const attempts = 'echo x >> /etc/hosts; rm -f /etc/resolv.conf; umount /etc/hosts; mv /etc/hosts /etc/h; mount -o remount,rw /etc/hosts';
	const {stdout} = await root.run(`${attempts}; grep -c localhost /etc/hosts`, {environment});
	t.is(stdout, '2\n');
});

test('the host\'s file systems are gone, and no new ones can be mounted', async t => {
	await using root = await makeStepRoot();
	const script = String.raw`awk '{print $5}' /proc/self/mountinfo | head -n1; mount -t tmpfs x /tmp; chroot / true; unshare -m true; ls /proc/1/root/ | tr "\n" " "`;
	const {stdout, stderr} = await root.run(script, {environment});
	t.is(stdout, '/\nbin dev etc proc root sys tmp ');
	t.regex(stderr, /mount: .*(?:Operation not permitted|permission denied)/v);
	t.regex(stderr, /unshare.*Operation not permitted/v);
});

test('set-user-ID programs work, as BuildKit lets them', async t => {
	await using root = await makeStepRoot();
	const program = encodeInitProgram([
		{call: 'mkdirat', args: [0, '/root/made', 0o755], describe: 'make directory'},
		{call: 'execve', args: ['/bin/busybox', ['true', null], [null]], describe: 'run true'},
	], environment.architecture);
	await writeFile(path.join(root.lower, 'program'), program);
	chmodSync(path.join(root.lower, 'program'), 0o4755);
	const {exitCode} = await root.run('/program && test ! -w /root', {environment, user: 'user'});
	t.is(exitCode, 0);
	t.true(existsSync(path.join(root.upper, 'root/made')));
});

const testWithCgroups = testWhere(environment.cgroups.kind !== 'unavailable', 'it needs cgroups');

testWithCgroups('devices that are not the container\'s cannot be opened', async t => {
	await using root = await makeStepRoot();
	const {stdout, stderr} = await root.run('mknod /disk b 254 0 && echo made; head -c1 /disk; mknod /null c 1 3 && echo x > /null && echo written', {environment});
	t.regex(stdout, /^made\n/v);
	t.regex(stdout, /written\n$/v);
	t.regex(stderr, /disk: Operation not permitted/v);
});

test('an insecure step keeps the rights of tsbuild', async t => {
	await using root = await makeStepRoot();
	const {stdout, stderr} = await root.run('mount -t tmpfs x /tmp && echo mounted; grep Seccomp: /proc/self/status; [ -w /sys/fs/cgroup ] && echo writable', {environment, security: 'insecure'});
	t.is(stderr, '');
	t.is(stdout, 'mounted\nSeccomp:\t0\nwritable\n');
});

test('an insecure step has what BuildKit gives it: devices, and all capabilities for every user', async t => {
	await using root = await makeStepRoot();
	const script = 'ls /dev; stat -c "%A %t:%T" /dev/loop0 /dev/net/tun; grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f2 | sort -u';
	const {stdout} = await root.run(script, {environment, security: 'insecure', user: 'user'});
	const [first = '', ...others] = stdout.trim().split('\n').slice(-3);
	t.regex(stdout, /^core\ncuse\nfd\nfull\nfuse\nkmsg\nkvm\nloop-control\nloop0\nloop1\n/v);
	t.deepEqual([first, others[0]], ['brw-rw-rw- 7:0', 'crw-rw-rw- a:c8']);
	t.is(others[1], capabilityMask(environment.ownCapabilities).toString(16).padStart(16, '0'));
});

// GHSA-7236-3392-c5c6
test('a security mode that nobody knows is the sandbox', async t => {
	await using root = await makeStepRoot();
	const script = 'mount -t tmpfs x /tmp; grep Seccomp: /proc/self/status; echo x > /sys/kernel/uevent_helper || echo read-only; wc -c < /proc/keys; ls /dev/kmsg';
	const {stdout} = await root.run(script, {environment, security: 'INSECURE' as 'insecure'});
	t.is(stdout, 'Seccomp:\t2\nread-only\n0\n');
});

test('failing entries are named', async t => {
	await using root = await makeStepRoot();
	const error = await t.throwsAsync(root.run('true', {environment, hostname: 'x'.repeat(65)}), {code: 'ERR_TSBUILD_CONTAINER_SETUP'});
	t.is(error.message, `failed to set hostname ${'x'.repeat(65)}: EINVAL`);
	const limits = {ulimits: {nofile: {soft: 2n ** 63n, hard: 2n ** 63n}}};
	await t.throwsAsync(root.run('true', {environment, limits}), {message: /^failed to set resource limit nofile to .*: EPERM$/v});
});

test('without a device cgroup a step can neither make device files nor use those of its image and its mounts', async t => {
	await using root = await makeStepRoot();
	// The null device under another name, since a test should not open a disk.
	execFileSync('mknod', [path.join(root.lower, 'device'), 'c', '1', '3']);
	const command = 'cat /device; cat /mount/device; cat /dev/mount/device; mknod /made c 1 3; rm -f /made; cat /dev/null && echo standard devices work';
	const mounts = () => ['/mount', '/dev/mount'].map(target => ({
		type: 'detached', mount: cloneMount(root.lower, {readOnly: true, recursive: false}), target, readOnly: true,
	} as const));
	const open = await root.run(command, {environment, mounts: mounts()});
	t.is(open.stderr, '');
	const {stdout, stderr} = await root.run(command, {environment: {...environment, cgroups: {kind: 'unavailable', reason: 'none for this test'}, processLimit: undefined}, mounts: mounts()});
	t.is(stdout, 'standard devices work\n');
	t.regex(stderr, /'\/device': Permission denied\n.*'\/mount\/device': Permission denied\n.*'\/dev\/mount\/device': Permission denied\nmknod: \/made: Operation not permitted/v);
});
