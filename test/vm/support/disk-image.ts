import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {
	chmod,
	chown,
	cp,
	mkdir,
	readFile,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {buildBundle} from '../../../scripts/build.ts';

const repository = path.join(import.meta.dirname, '../../..');

/** Where the repository lies in the guest. */
export const guestRepository = '/tsbuild';

const copied = [
	'bin',
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
	'got',
	'koffi',
	'p-queue',
	'typescript',
];

// The tests start ordinary programs of the machine; busybox fills in for the rest.
const systemPackages = [
	'apparmor',
	'attr',
	'coreutils',
	'dash',
	'dnsmasq-base',
	'findutils',
	'grep',
	'iproute2',
	'iptables',
	'libcap2-bin',
	'mount',
	'nftables',
	'passt',
	'runc',
	'sed',
	'skopeo',
	'slirp4netns',
	'socat',
	'tar',
	'uidmap',
	'util-linux',
];

// Whoever builds without being root.
const user = {
	name: 'user', id: 1000, firstSubordinateId: 100_000, subordinateIds: 65_536,
};

export type DiskImageOptions = {
	/** The ext4 image to be written. */
	readonly file: string;
	/** An empty directory for the files of the image. */
	readonly staging: string;
	/** The script that the guest runs as its first process. */
	readonly init: string;
};

/** Makes the disk of a guest: some programs of this machine, this Node, an ordinary user, and the repository with its bundle and the packages that its tests need. */
export async function makeDiskImage({file, staging, init}: DiskImageOptions): Promise<void> {
	await makeDirectories(staging);
	await copyPrograms(staging);
	await writeSystemFiles(staging, init);
	await copyRepository(path.join(staging, guestRepository));
	// 800 MB, of which the host stores only what is written.
	execFileSync('/sbin/mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', staging, file, '800M'], {stdio: 'pipe'});
}

async function makeDirectories(staging: string): Promise<void> {
	const empty = ['dev', 'etc', 'home', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp', 'var/tmp', guestRepository];
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
	// What iptables loads for the rules of the tests.
	const extensions = listed.filter(file => /\/xtables\/libxt_(?:comment|standard)\.so$/v.test(file));
	for (const file of [...programs, ...extensions, ...listLibraries([...programs, process.execPath])]) {
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
	const {name, id, firstSubordinateId, subordinateIds} = user;
	const subordinateRange = `${name}:${firstSubordinateId}:${subordinateIds}\n`;
	const files = {
		passwd: `root:x:0:0:root:/root:/bin/sh\n${name}:x:${id}:${id}:${name}:/home/${name}:/bin/sh\n`,
		group: `root:x:0:\n${name}:x:${id}:\n`,
		subuid: subordinateRange,
		subgid: subordinateRange,
		hosts: '127.0.0.1 localhost\n',
		'resolv.conf': '',
	};
	await Promise.all(Object.entries(files).map(async ([file, content]) => writeFile(path.join(staging, 'etc', file), content)));
	await writeFile(path.join(staging, 'init'), init, {mode: 0o755});
	const home = path.join(staging, 'home', name);
	await mkdir(home);
	await chown(home, id, id);
	for (const open of ['tmp', 'var/tmp']) {
		await chmod(path.join(staging, open), 0o1777);
	}
}

async function copyRepository(target: string): Promise<void> {
	for (const name of copied) {
		await cp(path.join(repository, name), path.join(target, name), {recursive: true});
	}

	await buildBundle(path.join(target, 'dist'));
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
