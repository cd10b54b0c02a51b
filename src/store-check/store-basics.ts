import {existsSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import {TsbuildError} from '../kernel/errors.ts';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {sessionsDirectory} from '../../snapshotter/session.ts';
import {snapshotsDirectory} from '../../snapshotter/snapshot-directories.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {readFormat, writeFormat} from '../../snapshotter/store-format.ts';
import {livingSessions} from './check-context.ts';
import {databaseFile, findDatabaseFaults} from './check-database.ts';
import type {CheckedProblem, Problem, RepairOutcome} from './problem.ts';

/** Checks the file that makes a directory a store. That of a newer tsbuild is refused when the store is opened. */
export async function checkFormat(root: string): Promise<readonly Problem[]> {
	const text = await readFormat(root);
	return text !== undefined && /^\d{1,6}\n$/v.test(text)
		? []
		: [{
			subject: 'format', reason: text === undefined ? 'the file is missing' : 'the file is damaged', remedy: {kind: 'write-format'},
		}];
}

/** Checks the folders without which a store cannot be opened. */
export function checkFolders(root: string): readonly Problem[] {
	const missing = [sessionsDirectory(root), snapshotsDirectory(root)].filter(folder => !existsSync(folder));
	return missing.map(folder => ({subject: `directory ${folder}`, reason: 'it is missing', remedy: {kind: 'make-directory', path: folder}}));
}

/**
Makes that a store can be opened which cannot be, because of `problems`.

@throws {TsbuildError} `ERR_TSBUILD_STORE_IN_USE` when a running build uses what has to be replaced
*/
export async function restoreBasics(root: string, problems: readonly Problem[]): Promise<readonly CheckedProblem[]> {
	for (const {remedy} of problems) {
		if (remedy.kind === 'make-directory') {
			await mkdir(remedy.path, {recursive: true});
		}
	}

	if (problems.length > 0 && livingSessions(root, undefined).length > 0) {
		throw new TsbuildError('ERR_TSBUILD_STORE_IN_USE', `failed to repair store ${root}: running builds use it`, {hint: 'Repair it when they are over.'});
	}

	const hasFormatFault = problems.some(({remedy}) => remedy.kind === 'write-format');
	if (hasFormatFault) {
		await removeTree(path.join(root, 'format'));
		await writeFormat(root);
	}

	const hasDatabaseFault = problems.some(({remedy}) => remedy.kind === 'make-database');
	const text = hasDatabaseFault ? await restoreDatabase(root) : '';
	return problems.map(problem => ({...problem, outcome: outcomeOf(problem, text)}));
}

function outcomeOf({remedy}: Problem, text: string): RepairOutcome {
	return {isRepaired: true, text: remedy.kind === 'make-database' ? text : 'made again'};
}

/** An index that is damaged is made again from its table; of any other damage, nobody knows how far it goes. */
async function restoreDatabase(root: string): Promise<string> {
	if (tryReindex(root)) {
		return 'its indexes are made again';
	}

	const file = databaseFile(root);
	for (const name of [file, `${file}-wal`, `${file}-shm`]) {
		await removeTree(name);
	}

	openMetadata(root)[Symbol.dispose]();
	return 'made anew: the cache is empty, and the images have their names from index.json';
}

// https://sqlite.org/lang_reindex.html
function tryReindex(root: string): boolean {
	try {
		using metadata = openMetadata(root, {mustExist: true});
		metadata.statement('REINDEX').run();
		return findDatabaseFaults(metadata).length === 0;
	} catch {
		return false;
	}
}
