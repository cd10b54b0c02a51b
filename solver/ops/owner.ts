import {TsbuildError, errorCode} from '../../src/kernel/errors.ts';
import type {OwnerExpression} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {NewDirectory} from '../../src/linux/make-directories.ts';
import {lookUpUser} from '../executor/user.ts';

/** Ids of a user and a group. */
export type Owner = {readonly uid: number; readonly gid: number};

/** The owner of what nobody else owns. */
export const rootOwner: Owner = {uid: 0, gid: 0};

// BuildKit knows this name by itself: it stands in many Dockerfiles that begin with an empty image.
const rootName = 'root';

// Ids beyond are no ids, as everywhere in Docker.
const maximumId = 0x7F_FF_FF_FF;

/**
Looks up `--chown=user[:group]` in the root that is written to, as BuildKit does:

- a number is an id, and so is `root`, whatever the files say; alone it is the group's id too;
- a name alone has the group of its passwd entry;
- a name that is in no file counts as not given: the user is root, the group that of the user (Docker's reference says that this fails, but it does not);
- nothing behind the colon is group 0.

@param expression - as in the Dockerfile
@param root - `undefined` for `FROM scratch`, where there are no names
@throws {TsbuildError} `ERR_TSBUILD_USER` for a name without a root, or an id out of range; `ERR_TSBUILD_NOT_A_FILE`, `ERR_TSBUILD_FILE_TOO_LARGE` when the files cannot be read safely
@see https://docs.docker.com/reference/dockerfile/#copy---chown---chmod
*/
export function lookUpOwner(expression: OwnerExpression, root: Descriptor | undefined): Owner {
	const separator = expression.indexOf(':');
	const user = separator === -1 ? expression : expression.slice(0, separator);
	const group = separator === -1 ? undefined : expression.slice(separator + 1);
	const {uid, gid} = userIds(user, root);
	return {uid, gid: group === undefined ? gid : groupId(group, root) ?? gid};
}

/** What a directory is like that is made on the way. Its group and set-group-ID bit come from the directory around it, as BuildKit leaves them to the kernel. */
export function newDirectoryOf(owner: Owner | undefined, mode: number): NewDirectory {
	return {
		mode, uid: rootOwner.uid, ...owner, inheritsSetGroupId: true,
	};
}

/** Whether an owner is told by ids alone, which are looked up nowhere. */
export function isNumericOwner(expression: OwnerExpression): boolean {
	return expression.split(':').every(part => isId(part));
}

function userIds(user: string, root: Descriptor | undefined): Owner {
	if (isId(user)) {
		const id = parseId(user);
		return {uid: id, gid: id};
	}

	return user === '' ? rootOwner : find(user, root) ?? rootOwner;
}

function groupId(group: string, root: Descriptor | undefined): number | undefined {
	if (group === '') {
		return rootOwner.gid;
	}

	return isId(group) ? parseId(group) : find(`0:${group}`, root)?.gid;
}

function find(user: string, root: Descriptor | undefined): Owner | undefined {
	if (root === undefined) {
		throw new TsbuildError('ERR_TSBUILD_USER', 'invalid user index: -1', {hint: 'Names are looked up in what is copied onto, which is empty after FROM scratch and with --link: use numeric ids.'});
	}

	try {
		return lookUpUser(root, user);
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_USER') {
			return undefined;
		}

		throw error;
	}
}

function isId(text: string): boolean {
	return text === rootName || /^\d+$/v.test(text);
}

function parseId(text: string): number {
	const id = text === rootName ? rootOwner.uid : Number(text);
	if (id > maximumId) {
		throw new TsbuildError('ERR_TSBUILD_USER', `uids and gids must be in range 0-${maximumId}`);
	}

	return id;
}
