import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {
	cp,
	mkdir,
	readFile,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

const repository = path.join(import.meta.dirname, '../../..');

/** Where the repository lies in the guest. */
export const guestRepository = '/tsbuild';

const copied = [
	'package.json',
	'src',
	'frontend',
	'solver',
	'snapshotter',
	'scripts',
	'test',
	'fixtures',
];

// What the product and its tests import; their own dependencies follow.
const packages = [
	'@sindresorhus/is',
	'ava',
	'fast-check',
	'koffi',
	'p-queue',
	'typescript',
];

// The tests start ordinary programs of the machine; busybox fills in for the rest.
const systemPackages = ['apparmor', 'attr', 'coreutils', 'dash', 'findutils', 'grep', 'libcap2-bin', 'mount', 'sed', 'tar', 'util-linux'];

export type DiskImageOptions = {
	/** The ext4 image to be written. */
	readonly file: string;
	/** An empty directory for the files of the image. */
	readonly staging: string;
	/** The script that the guest runs as its first process. */
	readonly init: string;
};

/** Makes the disk of a guest: some programs of this machine, this Node, and the repository with the packages that it needs at run time. */
export async function makeDiskImage({file, staging, init}: DiskImageOptions): Promise<void> {
	await makeDirectories(staging);
	await copyPrograms(staging);
	await writeSystemFiles(staging, init);
	await copyRepository(path.join(staging, guestRepository));
	// 600 MB, of which the host stores only what is written.
	execFileSync('/sbin/mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', staging, file, '600M'], {stdio: 'pipe'});
}

async function makeDirectories(staging: string): Promise<void> {
	const empty = ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var/tmp', guestRepository];
	const merged = ['bin', 'sbin', 'lib', 'lib64'];
	for (const directory of [...empty, ...merged.map(name => `usr/${name}`)]) {
		await mkdir(path.join(staging, directory), {recursive: true});
	}

	// https://wiki.debian.org/UsrMerge
	for (const name of merged) {
		await symlink(`usr/${name}`, path.join(staging, name));
	}
}

async function copyPrograms(staging: string): Promise<void> {
	const listed = execFileSync('dpkg', ['--listfiles', ...systemPackages], {encoding: 'utf8'}).split('\n');
	const programs = listed.filter(file => /^\/(?:usr\/)?s?bin\/[^\/]+$/v.test(file) && existsSync(file));
	for (const file of [...programs, ...listLibraries([...programs, process.execPath])]) {
		await cp(file, path.join(staging, file), {dereference: true});
	}

	await cp(process.execPath, path.join(staging, 'bin/node'), {dereference: true});
	await cp('/bin/busybox', path.join(staging, 'bin/busybox'));
}

function listLibraries(programs: readonly string[]): ReadonlySet<string> {
	// Scripts are among them, for which ldd complains and fails after the others are told.
	const {stdout} = spawnSync('ldd', programs, {encoding: 'utf8'});
	return new Set(stdout.split(/\s+/v).filter(word => word.startsWith('/') && word.includes('.so')));
}

async function writeSystemFiles(staging: string, init: string): Promise<void> {
	await writeFile(path.join(staging, 'init'), init, {mode: 0o755});
	await writeFile(path.join(staging, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
	await writeFile(path.join(staging, 'etc/group'), 'root:x:0:\n');
	await writeFile(path.join(staging, 'etc/hosts'), '127.0.0.1 localhost\n');
	await writeFile(path.join(staging, 'etc/resolv.conf'), '');
}

async function copyRepository(target: string): Promise<void> {
	for (const name of copied) {
		await cp(path.join(repository, name), path.join(target, name), {recursive: true});
	}

	for (const name of await listPackages(packages)) {
		const directory = path.join('node_modules', name);
		await cp(path.join(repository, directory), path.join(target, directory), {recursive: true, verbatimSymlinks: true});
	}
}

type LockFile = {
	readonly packages: Readonly<Record<string, {
		readonly dependencies?: Readonly<Record<string, string>>;
		readonly optionalDependencies?: Readonly<Record<string, string>>;
	}>>;
};

/** The packages and all that they depend on, as far as installed. */
async function listPackages(names: readonly string[]): Promise<ReadonlySet<string>> {
	const lock = JSON.parse(await readFile(path.join(repository, 'package-lock.json'), 'utf8')) as LockFile;
	const found = new Set<string>();
	const waiting = [...names];
	for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
		if (found.has(name) || !existsSync(path.join(repository, 'node_modules', name))) {
			continue;
		}

		found.add(name);
		waiting.push(...dependenciesOf(name, lock));
	}

	return found;
}

/** What a package needs, and what the packages inside it need. */
function dependenciesOf(name: string, {packages: locked}: LockFile): readonly string[] {
	const own = `node_modules/${name}`;
	return Object.entries(locked)
		.filter(([location]) => location === own || location.startsWith(`${own}/node_modules/`))
		.flatMap(([, {dependencies, optionalDependencies}]) => Object.keys({...dependencies, ...optionalDependencies}));
}
