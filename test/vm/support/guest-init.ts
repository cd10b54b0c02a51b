import {countsFileVariable} from '../../../scripts/ava/counted-run.ts';
import {guestRepository} from './disk-image.ts';

/** A part of what a guest does. */
export type GuestCommand = {
	/** Of the repository: `node` is this Node, other programs are this machine's or busybox's. */
	readonly args: readonly string[];
	/** In addition to the usual ones. */
	readonly environment?: Readonly<Record<string, string>>;
	/** Root, or an ordinary user with subordinate ids, whose session has a cgroup delegated to it. */
	readonly user: 'root' | 'user';
};

/** The file of the guest that takes the `Counts` of a command, if it runs tests. */
function countsFile(index: number): string {
	return `/run/counts-${index}.json`;
}

/** The lines of the output that tell the results: that of all commands, and the counts of each that has some. */
export const resultPrefixes = {exitCode: 'exit code of the commands: ', counts: 'counts of a command: '} as const;

/**
The script that a guest runs as its first process: it prepares what a machine has, runs the commands at the same time in the repository, and switches itself off. The kernel speaks on the first serial line and the commands on the second, where the results come last.

Each command keeps to one processor: where the threads of a process run on several emulated ones, V8 breaks down in one of five processes, and never where they share one.
*/
export function guestInit(commands: readonly GuestCommand[]): string {
	return `#!/bin/busybox sh
export PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/root TERM=linux CI=true
# What is compiled once in the guest is not compiled again, which is half of what a short test takes there.
export NODE_COMPILE_CACHE=/run/compile-cache
# Complains about those that are there already.
/bin/busybox --install -s /bin 2>/dev/null
${prepareMachine}
${prepareUser}
cd ${guestRepository}
${commands.map((command, index) => start(command, index)).join('\n')}
exit_code=0
for process in $processes; do
	wait $process || exit_code=$?
done
for counts in /run/counts-*.json; do
	if [ -s "$counts" ]; then echo "${resultPrefixes.counts}$(cat "$counts")" >/dev/ttyS1; fi
done
echo "${resultPrefixes.exitCode}$exit_code" >/dev/ttyS1
sync
busybox poweroff -f
`;
}

const prepareMachine = `mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
# Whatever the user of a program is, it can keep what it compiles.
mkdir -m 1777 /run/compile-cache
# As udev has it: making an interface is what takes a right.
chmod 666 /dev/net/tun
busybox ip link set lo up
# Docker switches it on as well: without it no packet of a step leaves the machine.
echo 1 >/proc/sys/net/ipv4/ip_forward
hostname guest
stty -F /dev/ttyS1 raw`;

const delegatedGroup = '/sys/fs/cgroup/user';

// Into the session's group, which root alone may do, and then to the user. By its path, because the shell of busybox prefers the programs that are in it.
const asUser = ['sh', '-c', `echo $$ >${delegatedGroup}/session/cgroup.procs && exec /usr/bin/setpriv --reuid user --regid user --init-groups env HOME=/home/user USER=user "$@"`, 'sh'];

// As systemd delegates a group to the session of a user, with the controllers that it has.
// https://systemd.io/CGROUP_DELEGATION/
const prepareUser = `echo '+cpuset +cpu +io +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p ${delegatedGroup}/session
chown -R user:user ${delegatedGroup}`;

function start({args, environment = {}, user}: GuestCommand, index: number): string {
	const variables = Object.entries({...environment, [countsFileVariable]: countsFile(index)}).map(([name, value]) => `${name}=${quote(value)}`);
	const command = ['taskset', '-c', String(index), ...(user === 'root' ? [] : asUser), ...args];
	return `touch ${countsFile(index)}
chown ${user} ${countsFile(index)}
env ${variables.join(' ')} ${command.map(word => quote(word)).join(' ')} </dev/null >/dev/ttyS1 2>&1 &
processes="$processes $!"`;
}

function quote(word: string): string {
	return `'${word.replaceAll('\'', String.raw`'\''`)}'`;
}
