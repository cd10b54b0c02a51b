import {readFileSync} from 'node:fs';
import {userInfo} from 'node:os';
import process from 'node:process';
import type {IdRange} from '../linux/user-namespace.ts';

/** IDs that a user may hand on to a user namespace. */
export type SubordinateIds = Pick<IdRange, 'outside' | 'count'>;

/** The files that say whose they are. */
export type SubordinateIdsFile = '/etc/subuid' | '/etc/subgid';

const firstId = 0;
const idsAfterLast = 4_294_967_295;

/**
Reads which IDs root has given to the user of this process, by name or number, in the order of the file. None when there is no such file.

@see https://man7.org/linux/man-pages/man5/subuid.5.html
*/
export function readSubordinateIds(file: SubordinateIdsFile): readonly SubordinateIds[] {
	return parseSubordinateIds(readIfPresent(file), namesOfUser());
}

/**
Finds the ranges of a user in the text of such a file. Lines that make no sense are passed over.

@param text the whole file
@param names the login name and the number of the user
*/
export function parseSubordinateIds(text: string, names: readonly string[]): readonly SubordinateIds[] {
	return text.split('\n')
		.map(line => line.split(':'))
		.filter(([name = '', first = '', count = '', ...others]) => names.includes(name) && isNumber(first) && isNumber(count) && others.length === 0)
		.map(([, first, count]) => ({outside: Number(first), count: Number(count)}))
		.filter(({outside, count}) => outside > firstId && count > 0 && outside + count <= idsAfterLast);
}

function namesOfUser(): readonly string[] {
	const number = String(process.geteuid!());
	try {
		return [userInfo().username, number];
	} catch {
		// A user whom no passwd file knows, as in many containers.
		return [number];
	}
}

function isNumber(text: string): boolean {
	return /^\d{1,10}$/v.test(text);
}

function readIfPresent(file: string): string {
	try {
		return readFileSync(file, 'latin1');
	} catch {
		return '';
	}
}
