import {readFile, rm} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {openMetadata, type Metadata} from '../../snapshotter/metadata.ts';
import {writeFormat} from '../../snapshotter/store-format.ts';
import {livingSessions} from './check-context.ts';
import {databaseFile} from './check-database.ts';
import type {CheckedProblem, Problem, RepairOutcome} from './problem.ts';

/** Checks the file that makes a directory a store. That of a newer tsbuild is refused when the store is opened. */
export async function checkFormat(root: string): Promise<readonly Problem[]> {
	const text = await readIfThere(path.join(root, 'format'));
	return text !== undefined && /^\d{1,6}\n$/v.test(text)
		? []
		: [{
			subject: 'format', reason: text === undefined ? 'the file is missing' : 'the file is damaged', remedy: {kind: 'write-format'},
		}];
}

/**
Makes that a store can be opened which cannot be, because of `problems`.

@throws {TsbuildError} `ERR_TSBUILD_STORE_IN_USE` when a running build uses what has to be replaced
*/
export async function restoreBasics(root: string, problems: readonly Problem[]): Promise<readonly CheckedProblem[]> {
	if (problems.length > 0 && livingSessions(root, undefined).length > 0) {
		throw new TsbuildError('ERR_TSBUILD_STORE_IN_USE', `failed to repair store ${root}: running builds use it`, {hint: 'Repair it when they are over.'});
	}

	const hasFormatFault = problems.some(({remedy}) => remedy.kind === 'write-format');
	if (hasFormatFault) {
		await writeFormat(root);
	}

	const hasDatabaseFault = problems.some(({remedy}) => remedy.kind === 'make-database');
	const text = hasDatabaseFault ? await restoreDatabase(root) : '';
	return problems.map(problem => ({...problem, outcome: outcomeOf(problem, text)}));
}

function outcomeOf({remedy}: Problem, text: string): RepairOutcome {
	return {isRepaired: true, text: remedy.kind === 'make-database' ? text : 'written again'};
}

/** An index that is damaged is made again from its table; of any other damage, nobody knows how far it goes. */
async function restoreDatabase(root: string): Promise<string> {
	if (tryReindex(root)) {
		return 'its indexes are made again';
	}

	const file = databaseFile(root);
	for (const name of [file, `${file}-wal`, `${file}-shm`]) {
		await rm(name, {force: true});
	}

	openMetadata(root)[Symbol.dispose]();
	return 'made anew: the cache is empty, and the images have their names from index.json';
}

// https://sqlite.org/lang_reindex.html
function tryReindex(root: string): boolean {
	try {
		using metadata = openMetadata(root);
		metadata.statement('REINDEX').run();
		return isWhole(metadata);
	} catch {
		return false;
	}
}

function isWhole(metadata: Metadata): boolean {
	const damage = metadata.statement('PRAGMA integrity_check').all();
	return damage.every(row => row.integrity_check === 'ok') && metadata.statement('PRAGMA foreign_key_check').all().length === 0;
}

async function readIfThere(file: string): Promise<string | undefined> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}
