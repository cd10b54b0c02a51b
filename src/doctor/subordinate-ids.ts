import {readFile, stat} from 'node:fs/promises';
import {getExtendedAttribute} from '../linux/extended-attributes.ts';
import {findHostProgram} from '../linux/host-program.ts';
import {readUserNamespace, type IdRange} from '../linux/user-namespace.ts';
import {parseSubordinateIds} from '../rootless/subordinate-ids.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'ids';

// What a distribution gives a new user, and what images expect: nobody is 65534.
const usualCount = 65_536;

// https://man7.org/linux/man-pages/man2/chmod.2.html
const S_ISUID = 0o4000;

/** Whether there are the user and group ids that files of images have. The first user namespace of a machine has them all. */
export async function examineSubordinateIds({environment}: Patient): Promise<readonly Finding[]> {
	const namespace = readUserNamespace();
	if (namespace === undefined) {
		return [];
	}

	const [users, groups] = [countIds(namespace.users), countIds(namespace.groups)];
	const summary = `${users} of users, ${groups} of groups`;
	if (users >= usualCount && groups >= usualCount) {
		return [{status: 'ok', topic, summary}];
	}

	// Root of a namespace is outside whoever made it.
	const number = String(namespace.users.find(({inside}) => inside === 0)?.outside ?? 0);
	const user = environment.USER ?? number;
	const problem = await findProblem([user, number], environment.PATH);
	return [{
		status: 'warning',
		topic,
		summary: problem === undefined ? summary : `${summary}: ${problem}`,
		advice: [
			'Files of other owners cannot be made. Install newuidmap and newgidmap (Debian: uidmap; Fedora: shadow-utils),',
			`and let root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
		].join(' '),
	}];
}

function countIds(ranges: readonly IdRange[]): number {
	return ranges.reduce((sum, {count}) => sum + count, 0);
}

async function findProblem(names: readonly string[], search: string | undefined): Promise<string | undefined> {
	for (const file of ['/etc/subuid', '/etc/subgid']) {
		if (parseSubordinateIds(await readIfThere(file), names).length === 0) {
			return `${file} has nothing for ${[...new Set(names)].join(' or ')}`;
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

async function hasRights(program: string): Promise<boolean> {
	const {mode} = await stat(program);
	return (mode & S_ISUID) !== 0 || getExtendedAttribute(program, 'security.capability') !== undefined;
}

async function readIfThere(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch {
		return '';
	}
}
