import {existsSync} from 'node:fs';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {testWhere} from '../../support/conditions.ts';
import {runWithRunc} from '../../support/runc.ts';
import {makeStepRoot} from '../../support/step.ts';

const prepared = await prepareContainerEnvironment();

// The container of runc has no AppArmor profile either.
const environment = {...prepared, attributes: {...prepared.attributes, appArmorProfile: undefined}};

const testWithRunc = testWhere(existsSync('/usr/bin/runc'), 'it needs runc');

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

// What is not the same, and why.
const differences: ReadonlyArray<readonly [line: RegExp, why: string]> = [
	[/^0 /v, 'runc copies its standard input through a pipe'],
	[/^\/ \w+ rw,relatime$/v, 'the root is a directory of the host there, an overlay here'],
	[/^\/etc\/(?:hosts|resolv\.conf) /v, 'who calls runc makes these files'],
	[/^core /v, 'runc makes the link only where the kernel has /proc/kcore'],
	[/^(?:hugetlb|io|misc|rdma)\./v, 'the step has no such controller of version 2'],
	[/^(?:\/sys\/fs\/cgroup\/)?(?:blkio|systemd)\b/v, 'the step has no group of its own there'],
	[/^\/sys\/fs\/cgroup tmpfs |mkdir \/sys\/fs\/cgroup\/x/v, 'read-only here, like the groups in it'],
];

function comparable(output: string): readonly string[] {
	return output.split('\n').filter(line => differences.every(([pattern]) => !pattern.test(line)));
}

testWithRunc('a step notices the same of its container as under runc with Docker\'s defaults', async t => {
	const args = ['/bin/sh', '-c', probe];
	const expected = await runWithRunc(args, {environment});
	await using root = await makeStepRoot();
	const {stdout} = await root.run(args, {environment});
	t.deepEqual(comparable(stdout), comparable(expected));
});

testWithRunc('the same as under runc as another user', async t => {
	const args = ['/bin/sh', '-c', `chmod 777 /tmp; su user -c '${probe.replaceAll('\'', String.raw`'\''`)}'`];
	const expected = await runWithRunc(args, {environment});
	await using root = await makeStepRoot();
	const {stdout} = await root.run(args, {environment});
	t.deepEqual(comparable(stdout), comparable(expected));
});
