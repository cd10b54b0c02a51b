import {dirname} from 'node:path';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {readText, writeSetting} from './cgroup-directory.ts';

/**
Gives a group of cpuset in version 1, and those that are made in it later, the CPUs and memory nodes of the group above. The kernel does not do that by itself, and no process may join a group without.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP`
@see https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html#what-does-clone-children-do
*/
export function inheritCpuset(directory: string): void {
	for (const file of ['cpuset.cpus', 'cpuset.mems']) {
		if (readNumbers(directory, file) === '') {
			writeSetting(directory, file, readNumbers(dirname(directory), file));
		}
	}

	writeSetting(directory, 'cgroup.clone_children', '1');
}

function readNumbers(directory: string, file: string): string {
	const numbers = readText(directory, file);
	if (numbers === undefined) {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to read ${file} of cgroup ${directory}`);
	}

	return numbers.trim();
}
