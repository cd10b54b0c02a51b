import {Buffer} from 'node:buffer';
import {TsbuildError, errorCode} from '../../src/kernel/errors.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {readFileInRoot} from '../../src/linux/resolve.ts';

/** Who a step runs as. */
export type ContainerUser = {
	readonly uid: number;
	readonly gid: number;
	/** For `setgroups`: the group itself and the supplementary groups. */
	readonly groups: readonly number[];
	/** The home directory, `/` when the root does not tell. */
	readonly home: string;
};

type PasswdEntry = {readonly name: string; readonly uid: number; readonly gid: number; readonly home: string};

type GroupEntry = {readonly name: string; readonly gid: number; readonly members: readonly string[]};

// A passwd file of gigabytes must not fill our memory (CVE-2026-47262).
const maximumFileSize = 10 * 1024 * 1024;

// As runc and Docker: ids beyond are refused.
const maximumId = 0x7F_FF_FF_FF;

/**
Looks up the user of a step, `name|uid[:group|gid]`, in /etc/passwd and /etc/group of a root, which are hostile.

- A number is an id and never a name, even if a user has that name (CVE-2026-46680).
- An id that is in no file is taken as it is; its group is then 0.
- Without a group the user has the one from passwd and the supplementary groups of its name. With a group, or with both ids as numbers, there are no supplementary groups.
- An empty user is root, whatever the files hold.

@throws {TsbuildError} `ERR_TSBUILD_USER` for a name that is not there or an id out of range; `ERR_TSBUILD_NOT_A_FILE`, `ERR_TSBUILD_FILE_TOO_LARGE` for a file that cannot be read safely
@see https://docs.docker.com/reference/dockerfile/#user
*/
export function lookUpUser(root: Descriptor, user: string): ContainerUser {
	if (user === '') {
		return lookUpRoot(root);
	}

	const separator = user.indexOf(':');
	const userPart = separator === -1 ? user : user.slice(0, separator);
	const groupPart = separator === -1 ? '' : user.slice(separator + 1);
	const entry = findUser(readPasswd(root), userPart);
	const uid = checkRange(entry?.uid ?? Number(userPart));
	const home = entry?.home === undefined || entry.home === '' ? '/' : entry.home;
	const groups = groupPart === '' ? groupsOfUser(root, entry) : [findGroup(root, groupPart)];
	return {
		uid, gid: groups[0]!, groups: [...new Set(groups)], home,
	};
}

// BuildKit does not let broken files stop a step that asks for no user.
function lookUpRoot(root: Descriptor): ContainerUser {
	try {
		return {...lookUpUser(root, '0'), uid: 0};
	} catch (error) {
		if (!(error instanceof TsbuildError)) {
			throw error;
		}

		return {
			uid: 0, gid: 0, groups: [0], home: '/',
		};
	}
}

function findUser(entries: readonly PasswdEntry[], user: string): PasswdEntry | undefined {
	// "USER :group" names no user, which is root.
	if (user === '' || isNumeric(user)) {
		return entries.find(({uid}) => uid === Number(user));
	}

	const entry = entries.find(({name}) => name === user);
	if (entry === undefined) {
		throw new TsbuildError('ERR_TSBUILD_USER', `unable to find user ${user}: no matching entries in passwd file`, {
			hint: 'Create the user in an earlier step, or use numeric ids.',
		});
	}

	return entry;
}

// The first is the primary group.
function groupsOfUser(root: Descriptor, entry: PasswdEntry | undefined): readonly number[] {
	const primary = checkRange(entry?.gid ?? 0);
	if (entry === undefined) {
		return [primary];
	}

	const supplementary = readGroups(root).filter(({members}) => members.includes(entry.name)).map(({gid}) => checkRange(gid));
	return [primary, ...supplementary];
}

function findGroup(root: Descriptor, group: string): number {
	if (isNumeric(group)) {
		return checkRange(Number(group));
	}

	const entry = readGroups(root).find(({name}) => name === group);
	if (entry === undefined) {
		throw new TsbuildError('ERR_TSBUILD_USER', `unable to find group ${group}: no matching entries in group file`, {
			hint: 'Create the group in an earlier step, or use numeric ids.',
		});
	}

	return checkRange(entry.gid);
}

function isNumeric(text: string): boolean {
	return /^[+\-]?\d+$/v.test(text);
}

function checkRange(id: number): number {
	if (!(id >= 0 && id <= maximumId)) {
		throw new TsbuildError('ERR_TSBUILD_USER', `uids and gids must be in range 0-${maximumId}`);
	}

	return id;
}

// https://man7.org/linux/man-pages/man5/passwd.5.html
function readPasswd(root: Descriptor): readonly PasswdEntry[] {
	return readFields(root, '/etc/passwd')
		.map(([name = '', , uid = '', gid = '', , home = '']) => ({
			name, uid: parseId(uid), gid: parseId(gid), home,
		}))
		.filter(({uid, gid}) => !Number.isNaN(uid) && !Number.isNaN(gid));
}

// https://man7.org/linux/man-pages/man5/group.5.html
function readGroups(root: Descriptor): readonly GroupEntry[] {
	return readFields(root, '/etc/group')
		.map(([name = '', , gid = '', members = '']) => ({name, gid: parseId(gid), members: members.split(',')}))
		.filter(({gid}) => !Number.isNaN(gid));
}

// A line without a proper id stands for nobody; reading it as 0 would make root of it.
function parseId(text: string): number {
	return isNumeric(text) ? Number(text) : NaN;
}

function readFields(root: Descriptor, path: string): ReadonlyArray<readonly string[]> {
	return readIfPresent(root, path)
		.split('\n')
		.map(line => line.trim())
		.filter(line => line !== '' && !line.startsWith('#'))
		.map(line => line.split(':').map(field => field.trim()));
}

function readIfPresent(root: Descriptor, path: string): string {
	try {
		return Buffer.from(readFileInRoot(root, path, {maximumSize: maximumFileSize})).toString();
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return '';
		}

		throw error;
	}
}
