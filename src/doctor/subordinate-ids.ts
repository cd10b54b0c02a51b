import {readFile, stat} from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';
import {findHostProgram} from '../linux/host-program.ts';
import {getExtendedAttribute} from '../linux/extended-attributes.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'ids';

// What a distribution gives a new user, and what images expect: nobody is 65534.
const usualCount = 65_536;

// https://man7.org/linux/man-pages/man2/chmod.2.html
const S_ISUID = 0o4000;

/** Whether an ordinary user gets the user and group ids of images: ranges in /etc/subuid and /etc/subgid, and the programs that map them. Root needs none. */
export async function examineSubordinateIds({environment}: Patient): Promise<readonly Finding[]> {
	if (process.geteuid!() === 0) {
		return [];
	}

	const user = findUsername();
	const problem = await findProblem(user, environment.PATH);
	return [problem === undefined
		? {status: 'ok', topic, summary: `${user} has ranges in /etc/subuid and /etc/subgid, and newuidmap and newgidmap to use them`}
		: {
			status: 'warning',
			topic,
			summary: `${problem}, so that steps have one user and one group alone`,
			advice: `Install newuidmap and newgidmap (Debian: uidmap; Fedora: shadow-utils), and let root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
		}];
}

/** By its number where it has no name, as in a container that was told to be another user. */
function findUsername(): string {
	try {
		return os.userInfo().username;
	} catch {
		return String(process.geteuid!());
	}
}

async function findProblem(user: string, search: string | undefined): Promise<string | undefined> {
	const names = new Set([user, String(process.geteuid!())]);
	for (const file of ['/etc/subuid', '/etc/subgid']) {
		const count = countIds(await readIfThere(file), names);
		if (count < usualCount) {
			return count === 0 ? `${file} has nothing for ${user}` : `${file} has only ${count} ids for ${user}`;
		}
	}

	for (const name of ['newuidmap', 'newgidmap']) {
		const program = findHostProgram(name, search);
		if (program === undefined) {
			return `${name} is missing`;
		}

		if (!await hasRights(program)) {
			return `${program} has neither the set-user-ID bit nor file capabilities`;
		}
	}

	return undefined;
}

/**
Counts the subordinate ids of a user.

@param text of /etc/subuid or /etc/subgid
@param names by which the user may be in it
@see https://man7.org/linux/man-pages/man5/subuid.5.html
*/
export function countIds(text: string, names: ReadonlySet<string>): number {
	const ranges = text.split('\n').map(line => /^(?<name>[^:]+):\d+:(?<count>\d+)$/v.exec(line)?.groups);
	return ranges.filter(range => names.has(range?.name ?? '')).reduce((sum, range) => sum + Number(range!.count), 0);
}

async function hasRights(program: string): Promise<boolean> {
	const {mode, uid} = await stat(program);
	return (uid === 0 && (mode & S_ISUID) !== 0) || getExtendedAttribute(program, 'security.capability') !== undefined;
}

async function readIfThere(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch {
		return '';
	}
}
