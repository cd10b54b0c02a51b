import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {findHostProgram} from '../../src/linux/host-program.ts';

/** Where the kernel tells about AppArmor; a test puts its own files in their place. */
export type AppArmorFiles = {
	/** `Y` when it is on. */
	readonly enabled: string;
	/** The names of all profiles, for root alone. */
	readonly profiles: string;
	/** The profile of this process. */
	readonly current: string;
};

// https://docs.kernel.org/admin-guide/LSM/apparmor.html
const kernelFiles: AppArmorFiles = {
	enabled: '/sys/module/apparmor/parameters/enabled',
	profiles: '/sys/kernel/security/apparmor/profiles',
	current: '/proc/self/attr/apparmor/current',
};

// As Docker's default (`docker-default`), with the parts of /sys that are masked here. It takes nothing that seccomp, capabilities and read-only mounts leave: it stands behind them. No file is included, so that it means the same on every distribution.
const textOf = (name: string) => `profile ${name} flags=(attach_disconnected,mediate_deleted) {
	network,
	capability,
	file,
	umount,
	unix,
	signal receive peer=unconfined,
	signal peer=${name},
	ptrace peer=${name},
	deny mount,
	deny /proc/* w,
	deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
	deny /proc/sys/[^k]** w,
	deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,
	deny /proc/sysrq-trigger rwklx,
	deny /proc/kcore rwklx,
	deny /sys/[^f]*/** wklx,
	deny /sys/f[^s]*/** wklx,
	deny /sys/fs/[^c]*/** wklx,
	deny /sys/fs/c[^g]*/** wklx,
	deny /sys/fs/cg[^r]*/** wklx,
	deny /sys/firmware/** rwklx,
	deny /sys/devices/virtual/powercap/** rwklx,
	deny /sys/kernel/security/** rwklx,
}
`;

/** The profile of sandboxed steps. Its name changes with its rules, so that one that is loaded is never out of date. */
export const appArmorProfile: {readonly name: string; readonly text: string} = nameProfile();

/**
Makes sure that the kernel has the profile of sandboxed steps, and returns its name.

It is loaded once, by `apparmor_parser` of the host, and stays until the machine is restarted, as that of Docker does.

@returns `undefined` where steps run without: the kernel has no AppArmor or has it turned off, this process is confined itself (then so are its steps) or may not load profiles, or there is no `apparmor_parser`
*/
export async function prepareAppArmor(files: AppArmorFiles = kernelFiles): Promise<string | undefined> {
	if (await readIfReadable(files.enabled) !== 'Y\n' || await readIfReadable(files.current) !== 'unconfined\n') {
		return undefined;
	}

	const {name} = appArmorProfile;
	const profiles = await readIfReadable(files.profiles) ?? '';
	const isLoaded = profiles.split('\n').includes(`${name} (enforce)`);
	return isLoaded || await loadProfile() ? name : undefined;
}

function nameProfile() {
	const name = `tsbuild-${createHash('sha256').update(textOf('')).digest('hex').slice(0, 12)}`;
	return {name, text: textOf(name)};
}

// A file of the kernel that is missing, or that only others may read, says that there is nothing to do.
async function readIfReadable(file: string): Promise<string | undefined> {
	try {
		return await readFile(file, 'latin1');
	} catch {
		return undefined;
	}
}

// https://man7.org/linux/man-pages/man8/apparmor_parser.8.html
async function loadProfile(): Promise<boolean> {
	const program = findHostProgram('apparmor_parser');
	if (program === undefined) {
		return false;
	}

	const parser = spawn(program, ['--replace', '--skip-cache'], {cwd: '/', env: {}, stdio: ['pipe', 'ignore', 'ignore']});
	// It may end before it has read all.
	parser.stdin.on('error', () => undefined);
	parser.stdin.end(appArmorProfile.text);
	try {
		const [exitCode] = await once(parser, 'close') as [number | null];
		return exitCode === 0;
	} catch {
		return false;
	}
}
