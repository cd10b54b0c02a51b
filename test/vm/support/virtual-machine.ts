import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';
import {guestRepository, makeDiskImage} from './disk-image.ts';
import {makeInitramfs} from './initramfs.ts';
import {findGuestKernel} from './kernel.ts';

export type GuestResult = {
	/** Of a command that failed, else 0; `undefined` when the guest ended before them. */
	readonly exitCode: number | undefined;
	/** Of the commands, stdout and stderr as they came. */
	readonly output: string;
	/** What the kernel said, to find out why the guest ended. */
	readonly kernelLog: string;
};

export type Command = readonly string[];

/** Four minutes: without KVM all of it is emulated, some thirty times slower than the machine. */
const timeoutMilliseconds = 240_000;

/**
Boots Debian's kernel 6.1, where all cgroups are of version 2, with a disk that holds this repository, and runs commands there at the same time.

@param commands Each runs on a processor of its own, as root in the repository; `node` is this Node, other programs are this machine's or busybox's.
A guest that runs longer than four minutes is ended. Call it only where `findMissingPrograms` in kernel.ts finds nothing.
*/
export async function runInVirtualMachine(commands: readonly Command[]): Promise<GuestResult> {
	await using temporary = await makeTemporaryDirectory();
	const file = (name: string) => path.join(temporary.path, name);
	await mkdir(file('disk'));
	await mkdir(file('initramfs'));
	const kernel = findGuestKernel();
	await Promise.all([
		makeDiskImage({file: file('disk.img'), staging: file('disk'), init: guestInit(commands)}),
		makeInitramfs({file: file('initramfs.img'), staging: file('initramfs'), kernel}),
	]);
	await boot([
		'-accel',
		'tcg,thread=multi',
		// Without protection keys: V8 uses them where they are, and crashed now and then on emulated ones.
		'-cpu',
		'max,pku=off',
		'-smp',
		String(commands.length),
		'-m',
		'2048',
		'-nodefaults',
		'-no-user-config',
		'-no-reboot',
		'-display',
		'none',
		'-kernel',
		kernel.image,
		'-initrd',
		file('initramfs.img'),
		'-append',
		'console=ttyS0 panic=-1 loglevel=6 mitigations=off',
		'-drive',
		`if=virtio,format=raw,cache=unsafe,file=${file('disk.img')}`,
		'-serial',
		`file:${file('kernel.log')}`,
		'-serial',
		`file:${file('output.log')}`,
	]);
	return readResult(await readFile(file('output.log'), 'utf8'), await readFile(file('kernel.log'), 'utf8'));
}

async function boot(args: readonly string[]): Promise<void> {
	// The machine ends with this process even when that is killed. https://man7.org/linux/man-pages/man1/setpriv.1.html
	const machine = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
		stdio: ['ignore', 'ignore', 'inherit'],
		timeout: timeoutMilliseconds,
		killSignal: 'SIGKILL',
	});
	await once(machine, 'exit');
}

// The kernel speaks on the first serial line and the commands on the second, which ends with the exit code.
const exitMarker = 'exit code of the commands: ';

/**
Each command keeps to one processor: where the threads of a process run on several emulated ones, V8 breaks down in one of five processes, and never where they share one.
*/
function guestInit(commands: readonly Command[]): string {
	const started = commands.map((command, processor) => `taskset -c ${processor} ${command.map(word => quote(word)).join(' ')} </dev/null >/dev/ttyS1 2>&1 &
processes="$processes $!"`);
	return `#!/bin/busybox sh
export PATH=/sbin:/bin HOME=/root TERM=linux CI=true
# Complains about those that are there already.
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
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
busybox ip link set lo up
hostname guest
stty -F /dev/ttyS1 raw
cd ${guestRepository}
${started.join('\n')}
exit_code=0
for process in $processes; do
	wait $process || exit_code=$?
done
echo "${exitMarker}$exit_code" >/dev/ttyS1
sync
busybox poweroff -f
`;
}

function quote(word: string): string {
	return `'${word.replaceAll('\'', String.raw`'\''`)}'`;
}

function readResult(output: string, kernelLog: string): GuestResult {
	const marker = output.lastIndexOf(exitMarker);
	return marker === -1
		? {exitCode: undefined, output, kernelLog}
		: {exitCode: Number(output.slice(marker + exitMarker.length)), output: output.slice(0, marker), kernelLog};
}
