import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {readText, writeSetting} from './cgroup-directory.ts';
import {limitError, type CgroupSetting} from './cgroup-limits.ts';
import {parseNumberList} from './number-list.ts';

// The names of version 1 and 2.
const availableNumbers = {
	'cpuset.cpus': ['cpuset.effective_cpus', 'cpuset.cpus.effective'],
	'cpuset.mems': ['cpuset.effective_mems', 'cpuset.mems.effective'],
} as const;

/**
Sets a limit of a group.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when the kernel has no such limit, or refuses the value
*/
export function applySetting(directory: string, {controller, file, value, isOptional = false}: CgroupSetting): void {
	if (controller === 'memory' && !existsSync(join(directory, file))) {
		if (isOptional) {
			return;
		}

		throw limitError('swap', 'this kernel does not account for it (since Linux 5.8 it does unless it was built without, or booted with swapaccount=0)');
	}

	if (file === 'cpuset.cpus' || file === 'cpuset.mems') {
		checkAvailable(directory, file, value);
	}

	writeSetting(directory, file, value);
}

/** Version 2 would take any numbers, and leave out those that there are not. */
function checkAvailable(directory: string, file: keyof typeof availableNumbers, value: string): void {
	const parent = dirname(directory);
	const available = availableNumbers[file].map(name => readText(parent, name)?.trim()).find(text => text !== undefined) ?? '';
	const numbers = parseNumberList(available);
	const requested = parseNumberList(value);
	if (numbers === undefined || requested === undefined || requested.isSubsetOf(numbers)) {
		return;
	}

	throw new TsbuildError('ERR_TSBUILD_CGROUP', `Requested ${file === 'cpuset.cpus' ? 'CPUs' : 'memory nodes'} are not available - requested ${value}, available: ${available}`);
}
