import {execFileSync} from 'node:child_process';
import {accessSync, constants, globSync} from 'node:fs';
import path from 'node:path';

/** Debian's kernel for virtual machines, as its package installs it. */
export type GuestKernel = {
	readonly image: string;
	/** For example `6.1.0-56-cloud-amd64`. */
	readonly release: string;
	/** What the guest needs of its modules, in the order in which they are loaded. */
	readonly modules: readonly KernelModule[];
};

/** A module and what it is loaded with. */
export type KernelModule = {
	readonly file: string;
	/** For example `metacopy=on`. */
	readonly parameters: readonly string[];
};

// With other defaults than the kernel's own, as some distributions build it: an overlay that does not say what it wants would keep renamed directories and changed modes as references to lower layers.
// https://docs.kernel.org/filesystems/overlayfs.html#redirect-dir
const overlayParameters = ['redirect_dir=on', 'metacopy=on'];

const wantedModules = [
	// The disk.
	'virtio_pci',
	'virtio_blk',
	'overlay',
	// The network of steps: pairs of interfaces, addresses that are translated, and programs that are a network themselves.
	'veth',
	'nft_chain_nat',
	'nft_masq',
	'nft_ct',
	'nft_compat',
	'xt_comment',
	'tun',
];

/** What the virtual machine needs and this machine lacks, in words; empty when it can start. */
export function findMissingPrograms(): readonly string[] {
	const programs = ['qemu-system-x86_64', 'mke2fs', 'cpio', 'modprobe', 'busybox'];
	return [
		...programs.filter(program => findProgram(program) === undefined),
		...(findKernelImage() === undefined ? ['a kernel of linux-image-cloud-amd64 in /boot'] : []),
	];
}

/** Finds the newest kernel. Call it only where `findMissingPrograms` finds nothing. */
export function findGuestKernel(): GuestKernel {
	const image = findKernelImage()!;
	const release = path.basename(image).replace('vmlinuz-', '');
	return {image, release, modules: listModules(release)};
}

function findKernelImage(): string | undefined {
	return globSync('/boot/vmlinuz-*-cloud-amd64').toSorted().at(-1);
}

function findProgram(name: string): string | undefined {
	return ['/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
		.map(directory => path.join(directory, name))
		.find(file => isExecutable(file));
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

function listModules(release: string): readonly KernelModule[] {
	const lines = wantedModules.flatMap(name => execFileSync(
		'modprobe',
		['--set-version', release, '--show-depends', name],
		{encoding: 'utf8', env: {PATH: '/usr/sbin:/sbin:/usr/bin:/bin'}},
	).split('\n'));
	const files = lines.filter(line => line.startsWith('insmod ')).map(line => line.split(' ', 2)[1]!);
	return [...new Set(files)].map(file => ({file, parameters: path.basename(file) === 'overlay.ko' ? overlayParameters : []}));
}
