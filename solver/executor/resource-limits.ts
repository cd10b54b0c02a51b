import {TsbuildError} from '../../src/kernel/errors.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** A soft and a hard limit; -1 is no limit. */
export type ResourceLimit = {readonly soft: bigint; readonly hard: bigint};

// https://man7.org/linux/man-pages/man2/getrlimit.2.html
const resources: Readonly<Record<string, number>> = {
	cpu: 0,
	fsize: 1,
	data: 2,
	stack: 3,
	core: 4,
	rss: 5,
	nproc: 6,
	nofile: 7,
	memlock: 8,
	as: 9,
	locks: 10,
	sigpending: 11,
	msgqueue: 12,
	nice: 13,
	rtprio: 14,
	rttime: 15,
};

// Node raises its soft limit to the hard one, which select(2) in old programs does not survive. systemd gives these to services.
const openFiles: ResourceLimit = {soft: 1024n, hard: 524_288n};

/**
The calls that set the resource limits of a step: those asked for, and that of open files in any case.

@param limits by name, for example `nofile`
@param maximumOpenFiles the hard limit of this process, which cannot be raised without CAP_SYS_RESOURCE
@throws {TsbuildError} `ERR_TSBUILD_RESOURCE_LIMIT` for an unknown name
*/
export function resourceLimitEntries(limits: Readonly<Record<string, ResourceLimit>>, maximumOpenFiles: bigint): readonly SyscallEntry[] {
	const hard = smaller(openFiles.hard, maximumOpenFiles);
	const all = {nofile: {soft: smaller(openFiles.soft, hard), hard}, ...limits};
	return Object.entries(all).map(([name, limit]) => limitEntry(name, limit));
}

/**
The hard limit of open files in the text of /proc/self/limits; 2^64 - 1 when there is none.

@see https://man7.org/linux/man-pages/man5/proc_pid_limits.5.html
*/
export function parseMaximumOpenFiles(text: string): bigint {
	const {hard = 'unlimited'} = /^Max open files\s+\S+\s+(?<hard>\S+)/mv.exec(text)?.groups ?? {};
	return BigInt.asUintN(64, hard === 'unlimited' ? -1n : BigInt(hard));
}

function limitEntry(name: string, {soft, hard}: ResourceLimit): SyscallEntry {
	const resource = Object.hasOwn(resources, name) ? resources[name] : undefined;
	if (resource === undefined) {
		throw new TsbuildError('ERR_TSBUILD_RESOURCE_LIMIT', `invalid ulimit type: ${name}`, {hint: `Known are ${Object.keys(resources).join(', ')}.`});
	}

	// `struct rlimit64`
	return {call: 'prlimit64', args: [0, resource, [soft, hard], null], describe: `set resource limit ${name} to ${soft}:${hard}`};
}

function smaller(first: bigint, second: bigint): bigint {
	return first < second ? first : second;
}
