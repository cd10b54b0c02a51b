import process from 'node:process';
import {asRoot} from '../../support/conditions.ts';
import {runCommand} from '../../support/run-program.ts';

const source = `
	import {openHostMounts} from ${JSON.stringify(import.meta.resolve('../../../solver/executor/host-mounts.ts'))};
	using opened = new DisposableStack();
	const numbers = [];
	try {
		openHostMounts({sharesProc: false, inherit: mount => numbers.push(mount.number), opened});
		console.log(numbers.length);
	} catch (error) {
		console.log(error.code, error.message);
	}
`;

/** Opens the mounts where some file lies over a device of the host. */
async function openWith(device: string | undefined): Promise<string> {
	const cover = device === undefined ? '' : `mount --bind /etc/passwd ${device} && `;
	return runCommand('unshare', ['--mount', 'sh', '-c', `${cover}exec "$0" --input-type=module-typescript --eval "$1"`, process.execPath, source]);
}

asRoot('the devices of the host and its /sys are mounted in a user namespace', async t => {
	t.is(await openWith(undefined), '7\n');
});

// CVE-2025-31133
asRoot('a device of the host that is something else is not mounted', async t => {
	t.is(await openWith('/dev/null'), 'ERR_TSBUILD_CONTAINER_SETUP failed to mount /dev/null of the host: it is another file\n');
	t.is(await openWith('/dev/tty'), 'ERR_TSBUILD_CONTAINER_SETUP failed to mount /dev/tty of the host: it is another file\n');
});
