import process from 'node:process';
import {TsbuildError} from '../kernel/errors.ts';
import {isMappedId, readUserNamespace, type UserNamespace} from './user-namespace.ts';

/** Set by whoever made a user namespace of a single ID: why there are not more. */
export const singleIdVariable = 'TSBUILD_SINGLE_ID';

const moreIdsCommand = 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER';

type MissingId = {readonly kind: 'user' | 'group'; readonly id: number};

type Owner = {readonly uid: number; readonly gid: number};

/**
The error of an owner that nobody can be in the user namespace of this process: which ID it is, and what gives the user more of them.

@returns `undefined` when both IDs are there; else `ERR_TSBUILD_UNMAPPED_ID`
@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
*/
export function unmappedIdError(owner: Owner, namespace: UserNamespace | undefined = readUserNamespace()): TsbuildError | undefined {
	const missing = namespace && findMissing(owner, namespace);
	return missing === undefined
		? undefined
		: new TsbuildError('ERR_TSBUILD_UNMAPPED_ID', `${missing.kind} ${missing.id} is not among the IDs that this user has`, {hint: hintFor(missing, namespace!)});
}

/** Whether nobody but root is there. */
export function hasSingleId({users}: UserNamespace): boolean {
	return users.length === 1 && users[0]!.count === 1;
}

/** What gives a user more IDs than one, and why there is only one. */
export function singleIdHint(): string {
	const reason = process.env[singleIdVariable] ?? '';
	return `Steps have one user and one group here${reason === '' ? '' : `: ${reason}`}. To have more, install newuidmap (Debian: uidmap) and run as root: ${moreIdsCommand}.`;
}

function hintFor({kind}: MissingId, namespace: UserNamespace): string {
	if (hasSingleId(namespace)) {
		return singleIdHint();
	}

	const ranges = kind === 'user' ? namespace.users : namespace.groups;
	const last = Math.max(...ranges.map(({inside, count}) => inside + count - 1));
	return `IDs up to ${last} are there: add a larger range for this user to /etc/subuid and /etc/subgid.`;
}

function findMissing({uid, gid}: Owner, {users, groups}: UserNamespace): MissingId | undefined {
	if (!isMappedId(users, uid)) {
		return {kind: 'user', id: uid};
	}

	return isMappedId(groups, gid) ? undefined : {kind: 'group', id: gid};
}
