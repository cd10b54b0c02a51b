import {readFile} from 'node:fs/promises';
import process from 'node:process';
import {findHostProgram} from '../linux/host-program.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'platforms';

// Docker's architectures by the names that qemu has for them.
const emulators = {
	amd64: 'x86_64', arm64: 'aarch64', arm: 'arm', 386: 'i386', ppc64le: 'ppc64le', riscv64: 'riscv64', s390x: 's390x',
} as const;

// What a processor runs by itself besides its own: x86_64 the programs of its forerunner. Not every arm64 has the older instructions.
const native: Readonly<Record<string, readonly string[]>> = {x64: ['amd64', '386'], arm64: ['arm64']};

/** For which platforms steps can run: by the processor, or by an emulator that the kernel starts (binfmt_misc). */
export async function examineEmulation({environment}: Patient): Promise<readonly Finding[]> {
	const own = native[process.arch] ?? [];
	const foreign = Object.entries(emulators).filter(([architecture]) => !own.includes(architecture));
	const handlers = await Promise.all(foreign.map(async ([architecture, emulator]) => ({architecture, emulator, state: await readHandler(emulator)})));
	const emulated = handlers.filter(({state}) => state === 'usable').map(({architecture}) => architecture);
	const unusable = handlers.filter(({state}) => state === 'needs-files').map(({emulator}) => `qemu-${emulator}`);
	const platforms = [...own, ...emulated].map(architecture => `linux/${architecture}`).join(', ');
	return [
		{status: 'ok', topic, summary: emulated.length > 0 ? platforms : `${platforms}; steps for others need ${adviceFor(environment.PATH)}`},
		...unusable.map((name): Finding => ({
			status: 'warning', topic, summary: `the kernel looks for ${name} in the image`, advice: 'Register it with the flag F, as qemu-user-static and binfmt-support do.',
		})),
	];
}

function adviceFor(search: string | undefined): string {
	const isInstalled = Object.values(emulators).some(emulator => findHostProgram(`qemu-${emulator}-static`, search) !== undefined);
	return isInstalled ? 'binfmt_misc, with the emulators of qemu-user-static registered (Debian: binfmt-support)' : 'qemu-user-static and binfmt_misc (Debian: qemu-user-static, binfmt-support)';
}

/**
Whether the kernel starts programs of an architecture by qemu. Only with the flag F does it hold the emulator open, so that it is found inside an image.

@see https://docs.kernel.org/admin-guide/binfmt-misc.html
*/
async function readHandler(emulator: string): Promise<'usable' | 'needs-files' | 'absent'> {
	try {
		const text = await readFile(`/proc/sys/fs/binfmt_misc/qemu-${emulator}`, 'utf8');
		if (!text.startsWith('enabled')) {
			return 'absent';
		}

		return /^flags: .*F/mv.test(text) ? 'usable' : 'needs-files';
	} catch {
		return 'absent';
	}
}
