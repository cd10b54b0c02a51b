import process from 'node:process';
import type {IdRange, UserNamespace} from '../linux/user-namespace.ts';
import {hasCapability, hasNoNewPrivileges} from './capability.ts';
import {readSubordinateIds, type SubordinateIds, type SubordinateIdsFile} from './subordinate-ids.ts';

/** How the IDs of the user namespace come about. */
export type IdMapping =
	/** Root of this namespace, also one without rights to mount: all IDs that it has itself, under the same numbers. */
	| {readonly kind: 'all'; readonly users: readonly IdRange[]; readonly groups: readonly IdRange[]}
	/** The user as root, and the user's subordinate IDs from 1 on. */
	| {readonly kind: 'subordinate'; readonly users: readonly IdRange[]; readonly groups: readonly IdRange[]}
	/** The user as root and nobody else, and why. */
	| {readonly kind: 'single'; readonly users: readonly IdRange[]; readonly groups: readonly IdRange[]; readonly reason: string};

// Without the last, which nobody has: with it the namespace would look like the first of the machine, in which root has all rights.
const allIdsButOne = 4_294_967_294;

/**
Finds out which IDs a user namespace of this process can have: as many as possible.
*/
export function planIdMapping(own: UserNamespace | undefined): IdMapping {
	if (hasNoNewPrivileges()) {
		return singleIdMapping('no_new_privs keeps newuidmap from its rights');
	}

	if (process.geteuid!() === 0 && hasCapability('CAP_SETUID') && hasCapability('CAP_SETGID')) {
		return {kind: 'all', users: sameIds(own?.users), groups: sameIds(own?.groups)};
	}

	const users = readSubordinateIds('/etc/subuid');
	const groups = readSubordinateIds('/etc/subgid');
	if (users.length === 0 || groups.length === 0) {
		const file: SubordinateIdsFile = users.length === 0 ? '/etc/subuid' : '/etc/subgid';
		return singleIdMapping(`${file} has no IDs for this user`);
	}

	return {kind: 'subordinate', users: behindRoot(process.geteuid!(), users), groups: behindRoot(process.getegid!(), groups)};
}

/** The mapping that needs nobody's permission. */
export function singleIdMapping(reason: string): IdMapping {
	return {
		kind: 'single', users: behindRoot(process.geteuid!(), []), groups: behindRoot(process.getegid!(), []), reason,
	};
}

function sameIds(ranges: readonly IdRange[] | undefined): readonly IdRange[] {
	return ranges?.map(({inside, count}) => ({inside, outside: inside, count})) ?? [{inside: 0, outside: 0, count: allIdsButOne}];
}

function behindRoot(root: number, ranges: readonly SubordinateIds[]): readonly IdRange[] {
	const mapped: IdRange[] = [{inside: 0, outside: root, count: 1}];
	for (const range of ranges) {
		const last = mapped.at(-1)!;
		mapped.push({...range, inside: last.inside + last.count});
	}

	return mapped;
}
