/*
Installs the Debian packages that the tests use: `node scripts/set-up.ts [--vm]`. Does nothing, without a word, when all are there.
*/

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {rm, writeFile} from 'node:fs/promises';
import process from 'node:process';
import {errorCode} from '../src/kernel/errors.ts';

const packagesForTests = [
	// The base image, and archives as other programs write them.
	'busybox-static',
	'libarchive-tools',
	'bzip2',
	'xz-utils',
	'zstd',
	// They read, check and run the images made here.
	'skopeo',
	'umoci',
	'runc',
	'crun',
	'docker-registry',
	'jq',
	// Certificates, and a terminal to type at: script(1).
	'openssl',
	'bsdutils',
	// A base as people have it.
	'mmdebstrap',
	// The same builds by others, to compare and to measure.
	'buildah',
	'docker.io',
	'hyperfine',
	// They show what the container's first program is and does.
	'strace',
	'binutils',
	'binutils-aarch64-linux-gnu',
	'qemu-user-static',
	// Profiles, attributes, capabilities and user namespaces.
	'apparmor',
	'attr',
	'libcap2-bin',
	'uidmap',
	// Networks of steps, and what others see of them.
	'dnsmasq-base',
	'iproute2',
	'iptables',
	'nftables',
	'passt',
	'slirp4netns',
	'socat',
	// A file system that shares blocks.
	'btrfs-progs',
	'git',
	'openssh-client',
	'openssh-server',
];

const packagesForVirtualMachine = [
	'cpio',
	'e2fsprogs',
	'kmod',
	'linux-image-cloud-amd64',
	'qemu-system-x86',
	'xz-utils',
];

/**
Makes sure that the packages are installed.

Where that is impossible (not root, no apt, no network) it says what is missing and goes on: the tests that need it skip with the reason.
*/
export async function setUp({withVirtualMachine}: {readonly withVirtualMachine: boolean}): Promise<void> {
	const wanted = withVirtualMachine ? [...packagesForTests, ...packagesForVirtualMachine] : packagesForTests;
	await installPackages(wanted);
}

/** Installs those of the packages that are missing; see `setUp`. */
export async function installPackages(wanted: readonly string[]): Promise<void> {
	const missing = await findMissing(wanted);
	if (missing === undefined) {
		console.warn('set-up: this is no Debian system, tests that need its packages skip');
		return;
	}

	if (missing.length === 0) {
		return;
	}

	if (process.getuid?.() !== 0) {
		console.warn(`set-up: only root can install ${missing.join(' ')}; tests that need them skip`);
		return;
	}

	if (!await install(missing)) {
		console.warn(`set-up: apt-get failed to install ${missing.join(' ')}; tests that need them skip`);
	}
}

/** Asks dpkg once; `undefined` where there is no dpkg. */
async function findMissing(wanted: readonly string[]): Promise<string[] | undefined> {
	try {
		const statuses = await listStatuses(wanted);
		return wanted.filter(name => statuses.get(name) !== 'installed');
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}

async function listStatuses(wanted: readonly string[]): Promise<ReadonlyMap<string, string>> {
	const field = (name: string) => `\${${name}}`;
	const format = `${field('Package')} ${field('db:Status-Status')}\n`;
	const lines = await queryPackages(['--show', '--showformat', format, ...wanted]);
	return new Map(lines.map(line => line.split(' ', 2) as [string, string]));
}

/** The exit code is 1 as soon as one name is unknown, which is an answer here. */
async function queryPackages(args: readonly string[]): Promise<string[]> {
	const child = spawn('dpkg-query', args, {stdio: ['ignore', 'pipe', 'ignore']});
	const [output] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), once(child, 'exit')]);
	return output.join('').split('\n');
}

async function install(missing: readonly string[]): Promise<boolean> {
	console.log(`set-up: installing ${missing.join(' ')}`);
	await using _ = await preventServices();
	const options = ['--yes', '--quiet=2', '-o', 'DPkg::Lock::Timeout=300'];
	return await runApt([...options, 'update'])
		&& await runApt([...options, 'install', '--no-install-recommends', ...missing]);
}

async function runApt(args: readonly string[]): Promise<boolean> {
	const child = spawn('apt-get', args, {
		env: {...process.env, DEBIAN_FRONTEND: 'noninteractive'},
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	const [code] = await once(child, 'exit') as [number | null];
	return code === 0;
}

/**
Keeps packages like docker.io from starting their daemon when they are installed.

@see https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
*/
async function preventServices(): Promise<AsyncDisposable | undefined> {
	const policy = '/usr/sbin/policy-rc.d';
	const forbidden = 101;
	try {
		await writeFile(policy, `#!/bin/sh\nexit ${forbidden}\n`, {flag: 'wx', mode: 0o755});
	} catch (error) {
		if (errorCode(error) === 'EEXIST') {
			// The machine has a policy of its own, which stays in force.
			return undefined;
		}

		throw error;
	}

	return {
		async [Symbol.asyncDispose]() {
			await rm(policy);
		},
	};
}

if (import.meta.main) {
	await setUp({withVirtualMachine: process.argv.includes('--vm')});
}
