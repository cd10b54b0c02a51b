import {existsSync} from 'node:fs';
import path from 'node:path';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import {openMetadata, type Metadata} from '../../snapshotter/metadata.ts';
import type {Problem} from './problem.ts';

/** The database of a store. */
export function databaseFile(root: string): string {
	return path.join(root, 'metadata.db');
}

/**
Checks that the database can be read, that SQLite finds no damage in it, and that no row names another that is not there.

@throws {TsbuildError} `ERR_TSBUILD_STORE_VERSION` for one of a newer tsbuild
@see https://sqlite.org/pragma.html#pragma_integrity_check
*/
export function checkDatabase(root: string): readonly Problem[] {
	if (!existsSync(databaseFile(root))) {
		return [problem('it is missing')];
	}

	try {
		using metadata = openMetadata(root);
		const faults = [...findDamage(metadata), ...findDangling(metadata)];
		return faults.length === 0 ? [] : [problem(faults.join('; '))];
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_STORE_VERSION') {
			throw error;
		}

		return [problem(errorMessage(error))];
	}
}

function findDamage(metadata: Metadata): readonly string[] {
	const rows = metadata.statement('PRAGMA integrity_check').all();
	return rows.map(row => String(row.integrity_check)).filter(text => text !== 'ok');
}

function findDangling(metadata: Metadata): readonly string[] {
	const rows = metadata.statement('PRAGMA foreign_key_check').all();
	return rows.map(row => `table ${String(row.table)} names a row of ${String(row.parent)} that is not there`);
}

function problem(reason: string): Problem {
	return {subject: 'database', reason, remedy: {kind: 'make-database'}};
}
