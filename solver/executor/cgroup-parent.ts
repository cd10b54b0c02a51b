import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';
import {prepareCgroups, type CgroupHierarchy} from './cgroup-hierarchy.ts';

// In the session's directory: the parent that the user chose.
const noteName = 'cgroup-parent';

// Below the group that the user chose, so that those of containers are told from others in it.
const ownGroup = 'tsbuild';

/**
Finds out where this machine has cgroups, and makes the parent group inside the one that the user chose. The session notes that first: a sweep has to find what a killed process leaves.

@param chosen path from the root of each hierarchy
@param sessionDirectory without it nothing is noted
@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when no groups can be made there
*/
export async function prepareChosenCgroups(chosen: string, sessionDirectory: string | undefined): Promise<CgroupHierarchy> {
	if (sessionDirectory !== undefined) {
		await writeFile(path.join(sessionDirectory, noteName), chosen);
	}

	const cgroups = await prepareCgroups(`${chosen}/${ownGroup}`);
	if (cgroups.kind === 'unavailable') {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to use cgroup parent ${chosen}: ${cgroups.reason}`, {hint: 'Name a cgroup that this user can write.'});
	}

	return cgroups;
}

/** The cgroups that a dead session has noted; `unavailable` when it has not chosen any. */
export async function readChosenCgroups(sessionDirectory: string): Promise<CgroupHierarchy> {
	try {
		const chosen = await readFile(path.join(sessionDirectory, noteName), 'utf8');
		return await prepareCgroups(`${chosen}/${ownGroup}`);
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return {kind: 'unavailable', reason: 'the session has not chosen a cgroup'};
		}

		throw error;
	}
}
