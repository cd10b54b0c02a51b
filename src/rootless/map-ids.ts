import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {IdRange} from '../linux/user-namespace.ts';
import {singleIdMapping, type IdMapping} from './id-mapping.ts';

/**
Gives IDs to the user namespace of a process that has just made it. Where the programs that map subordinate IDs do not work, the user alone is mapped.

Nothing but newuidmap(1) and newgidmap(1) has more rights than the user.

@returns the mapping that the process has now
@throws {TsbuildError} `ERR_TSBUILD_USER_NAMESPACE`
*/
export async function mapIds(processId: number, mapping: IdMapping): Promise<IdMapping> {
	switch (mapping.kind) {
		case 'all': {
			writeMaps(processId, mapping);
			return mapping;
		}

		case 'subordinate': {
			const failure = await runMapPrograms(processId, mapping);
			return failure === undefined ? mapping : mapIds(processId, singleIdMapping(failure));
		}

		case 'single': {
			// Required of whoever maps a group without privileges: to leave a group may be to win a right. https://man7.org/linux/man-pages/man7/user_namespaces.7.html
			writeMap(`/proc/${processId}/setgroups`, 'deny');
			writeMaps(processId, mapping);
			return mapping;
		}
	}
}

function writeMaps(processId: number, {users, groups}: IdMapping): void {
	writeMap(`/proc/${processId}/gid_map`, formatRanges(groups).join('\n'));
	writeMap(`/proc/${processId}/uid_map`, formatRanges(users).join('\n'));
}

function writeMap(file: string, content: string): void {
	try {
		writeFileSync(file, content, {flag: 'r+'});
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_USER_NAMESPACE', `failed to map IDs into a user namespace: ${errorMessage(error)}`, {cause: error});
	}
}

// One failure, if there is any.
async function runMapPrograms(processId: number, {users, groups}: IdMapping): Promise<string | undefined> {
	const failures = await Promise.all([runMapProgram('newgidmap', processId, groups), runMapProgram('newuidmap', processId, users)]);
	return failures.find(failure => failure !== undefined);
}

async function runMapProgram(program: 'newuidmap' | 'newgidmap', processId: number, ranges: readonly IdRange[]): Promise<string | undefined> {
	const child = spawn(program, [String(processId), ...formatRanges(ranges).flatMap(line => line.split(' '))], {cwd: '/', stdio: ['ignore', 'ignore', 'pipe']});
	try {
		const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
		return code === 0 ? undefined : `${program} failed: ${complaint.trim().replaceAll('\n', ' ')}`;
	} catch (error) {
		return errorCode(error) === 'ENOENT' ? `${program} is not installed` : errorMessage(error);
	}
}

function formatRanges(ranges: readonly IdRange[]): readonly string[] {
	return ranges.map(({inside, outside, count}) => `${inside} ${outside} ${count}`);
}
