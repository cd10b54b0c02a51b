import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {runCommand} from './run-program.ts';

const suite = 'bookworm';
const release = `https://deb.debian.org/debian/dists/${suite}/Release`;

/** Why no Debian system can be made here; `undefined` when it can. */
export async function reasonAgainstDebian(): Promise<string | undefined> {
	try {
		execFileSync('mmdebstrap', ['--version'], {stdio: 'ignore'});
	} catch {
		return 'it needs mmdebstrap';
	}

	try {
		const {ok} = await fetch(release, {method: 'HEAD', signal: AbortSignal.timeout(30_000)});
		return ok ? undefined : 'the Debian mirror has no release';
	} catch {
		return 'no Debian mirror is in reach';
	}
}

/**
Makes an image of a small Debian system, with apt, as people use it for a base: one layer, made by umoci.

@returns the directory of its image layout, which is made in `directory`
*/
export async function makeDebianBase(directory: string): Promise<string> {
	const [archive, layout] = [path.join(directory, 'debian.tar'), path.join(directory, 'layout')];
	await runCommand('mmdebstrap', ['--quiet', '--variant=minbase', '--mode=root', suite, archive]);
	const image = `${layout}:latest`;
	await runCommand('umoci', ['init', '--layout', layout]);
	await runCommand('umoci', ['new', '--image', image]);
	await runCommand('umoci', ['raw', 'add-layer', '--image', image, archive]);
	await runCommand('umoci', ['config', '--image', image, '--config.env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '--config.cmd', 'bash']);
	return layout;
}
