import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import type {Counts} from '../../../scripts/ava/counted-run.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';
import {makeDiskImage} from './disk-image.ts';
import {guestInit, resultPrefixes, type GuestCommand} from './guest-init.ts';
import {makeInitramfs} from './initramfs.ts';
import {findGuestKernel} from './kernel.ts';

export type GuestResult = {
	/** Of a command that failed, else 0; `undefined` when the guest ended before them. */
	readonly exitCode: number | undefined;
	/** Of the commands, stdout and stderr as they came. */
	readonly output: string;
	/** Of the tests that they ran. */
	readonly counts: readonly Counts[];
	/** What the kernel said, to find out why the guest ended. */
	readonly kernelLog: string;
};

export type VirtualMachineOptions = {
	readonly commands: readonly GuestCommand[];
	/** The guest is ended after it. Without KVM all of it is emulated, some ten to thirty times slower than the machine. */
	readonly timeoutMilliseconds: number;
};

const memory = '4096';

/**
Boots Debian's kernel 6.1, where all cgroups are of version 2, with a disk that holds this repository, and runs commands there at the same time, each on a processor of its own. Call it only where `findMissingPrograms` in kernel.ts finds nothing.
*/
export async function runInVirtualMachine({commands, timeoutMilliseconds}: VirtualMachineOptions): Promise<GuestResult> {
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
		memory,
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
	], timeoutMilliseconds);
	return readResult(await readFile(file('output.log'), 'utf8'), await readFile(file('kernel.log'), 'utf8'));
}

async function boot(args: readonly string[], timeout: number): Promise<void> {
	// The machine ends with this process even when that is killed. https://man7.org/linux/man-pages/man1/setpriv.1.html
	const machine = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
		stdio: ['ignore', 'ignore', 'inherit'],
		timeout,
		killSignal: 'SIGKILL',
	});
	await once(machine, 'exit');
}

function readResult(output: string, kernelLog: string): GuestResult {
	const lines = output.split('\n');
	const resultsWith = (prefix: string) => lines.filter(line => line.startsWith(prefix)).map(line => line.slice(prefix.length));
	const [exitCode] = resultsWith(resultPrefixes.exitCode);
	return {
		exitCode: exitCode === undefined ? undefined : Number(exitCode),
		output,
		counts: resultsWith(resultPrefixes.counts).map(text => JSON.parse(text) as Counts),
		kernelLog,
	};
}
