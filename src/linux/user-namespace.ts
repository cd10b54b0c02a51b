import {readFileSync} from 'node:fs';

/**
IDs of a user namespace that stand for as many others in the namespace around it.

@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html (user and group ID mappings)
*/
export type IdRange = {
	/** The first, as processes in the namespace see it. */
	readonly inside: number;
	/** What the first is outside. */
	readonly outside: number;
	readonly count: number;
};

/** The user namespace of this process. */
export type UserNamespace = {
	readonly users: readonly IdRange[];
	readonly groups: readonly IdRange[];
	/** Whether setgroups(2) is allowed. Who mapped a single group without privileges has given it up. */
	readonly canSetGroups: boolean;
};

// All ids stand for themselves in the first user namespace.
const allIds = 4_294_967_295;

/**
Whether this process is in a user namespace of its own, where root may not do all that root may: make device files, set `trusted.` attributes, or change the network of the host.
*/
export function isInUserNamespace(): boolean {
	return !isWhole(readRanges('uid_map'));
}

/** The user namespace of this process; `undefined` for the first of the machine. */
export function readUserNamespace(): UserNamespace | undefined {
	const users = readRanges('uid_map');
	if (isWhole(users)) {
		return undefined;
	}

	const canSetGroups = readFileSync('/proc/self/setgroups', 'latin1').trim() === 'allow';
	return {users, groups: readRanges('gid_map'), canSetGroups};
}

/** Whether an ID is one of the ranges, as seen from inside. */
export function isMappedId(ranges: readonly IdRange[], id: number): boolean {
	return ranges.some(({inside, count}) => id >= inside && id < inside + count);
}

function isWhole(ranges: readonly IdRange[]): boolean {
	return ranges.length === 1 && ranges[0]!.inside === 0 && ranges[0]!.outside === 0 && ranges[0]!.count === allIds;
}

function readRanges(file: 'uid_map' | 'gid_map'): readonly IdRange[] {
	const lines = readFileSync(`/proc/self/${file}`, 'latin1').split('\n').filter(line => line !== '');
	return lines.map(line => {
		const [inside, outside, count] = line.trim().split(/\s+/v).map(Number) as [number, number, number];
		return {inside, outside, count};
	});
}
