import {execFileSync} from 'node:child_process';
import {
	copyFile,
	mkdir,
	readdir,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import type {GuestKernel} from './kernel.ts';

export type InitramfsOptions = {
	/** The archive to be written. */
	readonly file: string;
	/** An empty directory for the files of the archive. */
	readonly staging: string;
	readonly kernel: GuestKernel;
};

/**
Makes the first root of a guest: it loads the modules for the disk and goes on with `/init` there.

@see https://docs.kernel.org/filesystems/ramfs-rootfs-initramfs.html
*/
export async function makeInitramfs({file, staging, kernel}: InitramfsOptions): Promise<void> {
	for (const directory of ['bin', 'dev', 'disk', 'modules', 'proc', 'sys']) {
		await mkdir(path.join(staging, directory));
	}

	await copyFile('/bin/busybox', path.join(staging, 'bin/busybox'));
	for (const {file: module} of kernel.modules) {
		await copyFile(module, path.join(staging, 'modules', path.basename(module)));
	}

	await writeFile(path.join(staging, 'init'), initScript(kernel), {mode: 0o755});
	const files = await readdir(staging, {recursive: true});
	const archive = execFileSync('cpio', ['--create', '--format=newc', '--quiet'], {
		cwd: staging,
		input: files.join('\n'),
		maxBuffer: 64 * (1024 ** 2),
	});
	await writeFile(file, archive);
}

function initScript({modules}: GuestKernel): string {
	const loaded = modules.map(({file: module, parameters}) => ['insmod', `/modules/${path.basename(module)}`, ...parameters].join(' '));
	return `#!/bin/busybox sh
set -e
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
${loaded.join('\n')}
mount -t ext4 /dev/vda /disk
mount --move /dev /disk/dev
exec switch_root /disk /init
`;
}
