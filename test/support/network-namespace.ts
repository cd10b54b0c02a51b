import {spawnSync} from 'node:child_process';
import process from 'node:process';
import type {Descriptor} from '../../src/linux/descriptor.ts';

/** Runs a program in a network namespace, and returns what it prints. Throws when it fails. */
export function runInNetwork({number}: Descriptor, program: string, ...args: readonly string[]): string {
	const {status, stdout, stderr} = spawnSync('nsenter', [`--net=/proc/${process.pid}/fd/${number}`, program, ...args], {encoding: 'utf8', timeout: 60_000});
	if (status !== 0) {
		throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
	}

	return stdout;
}
