import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import {release} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {defaultCapabilities} from '../../../solver/executor/capabilities.ts';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {defaultDevices} from '../../../solver/executor/devices.ts';
import {defaultSeccompProfile, selectRules} from '../../../solver/executor/seccomp-profile.ts';
import {makeBusyboxRoot} from '../../support/busybox-root.ts';
import {runCommand} from '../../support/run-program.ts';
import {makeStepRoot} from '../../support/step.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const environment = await prepareContainerEnvironment();

const testWithRunc = existsSync('/usr/bin/runc') ? test : test.skip;

// Everything that a step could notice of its container, one fact a line.
const probe = `
echo "== status"; grep -E "^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups|Umask|SigBlk|SigIgn|SigCgt|CoreDumping)" /proc/self/status
echo "== process"; echo "pid $$"; cut -d" " -f4-7 /proc/$$/stat; cat /proc/self/oom_score_adj; pwd; hostname; ulimit -a
echo "== descriptors"; for n in $(seq 0 60); do [ -e /proc/$$/fd/$n ] && echo "$n $(readlink /proc/$$/fd/$n | sed "s/:.*//")"; done
echo "== mounts"; awk '{for (i = 7; $i != "-"; i++); print $5, $(i + 1), $6}' /proc/self/mountinfo | sort
echo "== devices"; cd /dev; for f in *; do stat -c "%n %A %t:%T %u:%g %N" "$f"; done; stat -c "%n %a" pts/ptmx shm mqueue; cd /
echo "== masked"; for f in /proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
	[ -e $f ] && stat -c "%n %F %t:%T" $f && ls -A $f; done
echo "== cgroup"; cut -d: -f2- /proc/self/cgroup | sort; ls /sys/fs/cgroup
echo "== namespaces"; for n in cgroup ipc mnt net pid user uts; do [ -e /proc/self/ns/$n ] && echo $n; done; ls /sys/class/net; ip -o link | cut -c1-40
echo "== acts"
try() { if "$@" > /tmp/out 2>&1; then echo "yes: $*"; else echo "no $?: $*: $(sed "s/.*: //" /tmp/out | head -n1)"; fi; }
try mount -t tmpfs x /tmp; try mount -o remount,rw /sys; try umount /proc/keys; try unshare -m true; try unshare -U true; try unshare -n true
try mknod /tmp/disk b 8 0; try head -c1 /tmp/disk; try mknod /tmp/mem c 1 1; try head -c1 /tmp/mem; try mknod /tmp/zero c 1 5; try head -c1 /tmp/zero
try chown 1:1 /tmp/zero; try chroot / true; try hostname x; try date -s 2001-01-01; try dmesg; try sysctl -w kernel.panic=1; try mkdir /sys/fs/cgroup/x
try nice -n -5 true; try su user -c true; try swapoff -a; try reboot -n; try insmod /bin/busybox; try ionice -c1 true; try pivot_root / /tmp
try setsid true; try renice -5 $$; try touch /proc/sys/kernel/x; try sh -c "echo b > /proc/sysrq-trigger"; try cat /proc/1/environ; try ls /proc/1/root
`;

// `runc spec` with what Docker has by default.
function dockerConfiguration(args: readonly string[]): unknown {
	const capabilities = [...defaultCapabilities];
	const mount = (destination: string, type: string, options: readonly string[]) => ({
		destination, type, source: type === 'tmpfs' && destination === '/dev/shm' ? 'shm' : type, options,
	});
	const safe = ['nosuid', 'noexec', 'nodev'];
	return {
		ociVersion: '1.0.2',
		process: {
			terminal: false,
			user: {uid: 0, gid: 0, additionalGids: [0]},
			args,
			env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
			cwd: '/',
			capabilities: {bounding: capabilities, effective: capabilities, permitted: capabilities},
			noNewPrivileges: false,
			rlimits: [{type: 'RLIMIT_NOFILE', soft: 1024, hard: Number(environment.maximumOpenFiles < 524_288n ? environment.maximumOpenFiles : 524_288n)}],
		},
		root: {path: 'rootfs', readonly: false},
		hostname: 'buildkitsandbox',
		mounts: [
			mount('/proc', 'proc', safe),
			mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
			mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
			mount('/dev/shm', 'tmpfs', [...safe, 'mode=1777', 'size=65536k']),
			mount('/dev/mqueue', 'mqueue', safe),
			mount('/sys', 'sysfs', [...safe, 'ro']),
			mount('/sys/fs/cgroup', 'cgroup', [...safe, 'ro']),
		],
		linux: {
			cgroupsPath: `/tsbuild-test-${crypto.randomUUID()}`,
			namespaces: ['pid', 'ipc', 'uts', 'mount', 'network', 'cgroup'].map(type => ({type})),
			resources: {
				devices: [{allow: false, access: 'rwm'}, ...defaultDevices.map(rule => ({
					allow: true, access: rule.access, type: rule.type, ...numbersOf(rule),
				}))],
			},
			maskedPaths: [
				...['acpi', 'asound', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi'].map(name => `/proc/${name}`),
				'/sys/firmware',
				'/sys/devices/virtual/powercap',
			],
			readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
			seccomp: {
				defaultAction: defaultSeccompProfile.defaultAction,
				defaultErrnoRet: defaultSeccompProfile.defaultErrnoRet,
				architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
				syscalls: selectRules(defaultSeccompProfile, {architecture: environment.architecture, capabilities, kernelVersion: release()}).map(({names, action, errnoRet, args: conditions}) => ({
					names, action, errnoRet, args: conditions,
				})),
			},
		},
	};
}

function numbersOf({major, minor}: {readonly major: number | '*'; readonly minor: number | '*'}) {
	return {...(major !== '*' && {major}), ...(minor !== '*' && {minor})};
}

async function runWithRunc(args: readonly string[]): Promise<string> {
	await using directory = await makeTemporaryDirectory();
	mkdirSync(path.join(directory.path, 'rootfs'));
	makeBusyboxRoot(path.join(directory.path, 'rootfs'));
	writeFileSync(path.join(directory.path, 'config.json'), JSON.stringify(dockerConfiguration(args)));
	return await runCommand('runc', ['--root', path.join(directory.path, 'state'), 'run', '--bundle', directory.path, `tsbuild-test-${crypto.randomUUID()}`]);
}

// What is not the same, and why.
const differences: ReadonlyArray<readonly [line: RegExp, why: string]> = [
	[/^0 /v, 'runc copies its standard input through a pipe'],
	[/^\/ \w+ rw,relatime$/v, 'the root is a directory of the host there, an overlay here'],
	[/^\/etc\/(?:hosts|resolv\.conf) /v, 'who calls runc makes these files'],
	[/^core /v, 'runc makes the link only where the kernel has /proc/kcore'],
	[/^\/sys\/fs\/cgroup tmpfs |mkdir \/sys\/fs\/cgroup\/x/v, 'read-only here, like the groups in it'],
];

function comparable(output: string): readonly string[] {
	return output.split('\n').filter(line => differences.every(([pattern]) => !pattern.test(line)));
}

testWithRunc('a step notices the same of its container as under runc with Docker\'s defaults', async t => {
	const args = ['/bin/sh', '-c', probe];
	const expected = await runWithRunc(args);
	await using root = await makeStepRoot();
	const {stdout} = await root.run(args, {environment});
	t.deepEqual(comparable(stdout), comparable(expected));
});

testWithRunc('the same as under runc as another user', async t => {
	const args = ['/bin/sh', '-c', `chmod 777 /tmp; su user -c '${probe.replaceAll('\'', String.raw`'\''`)}'`];
	const expected = await runWithRunc(args);
	await using root = await makeStepRoot();
	const {stdout} = await root.run(args, {environment});
	t.deepEqual(comparable(stdout), comparable(expected));
});
