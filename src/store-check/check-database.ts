import {existsSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {explainDiskFailure} from '../kernel/disk-failure.ts';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import {openMetadata, type Metadata} from '../../snapshotter/metadata.ts';
import {migrations} from '../../snapshotter/schema.ts';
import type {Problem} from './problem.ts';

/** The database of a store. */
export function databaseFile(root: string): string {
	return path.join(root, 'metadata.db');
}

/**
Checks that the database can be read and written, that it has all its tables, that SQLite finds no damage in it, and that no row names another that is not there.

@throws {TsbuildError} `ERR_TSBUILD_STORE_VERSION` for one of a newer tsbuild; `ERR_TSBUILD_STORE` when it is the disk that fails, and nothing is known of the database
@see https://sqlite.org/pragma.html#pragma_integrity_check
*/
export function checkDatabase(root: string): readonly Problem[] {
	if (!existsSync(databaseFile(root))) {
		return [problem('it is missing')];
	}

	try {
		using metadata = openMetadata(root, {mustExist: true});
		metadata.transaction(() => undefined);
		const faults = findDatabaseFaults(metadata);
		return faults.length === 0 ? [] : [problem(faults.join('; '))];
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_STORE_VERSION' || isAboutDisk(error)) {
			throw error;
		}

		return [problem(errorMessage(error))];
	}
}

/** What is wrong in a database, in words. */
export function findDatabaseFaults(metadata: Metadata): readonly string[] {
	const missing = findMissingTables(metadata);
	return missing.length > 0 ? missing : [...findDamage(metadata), ...findDangling(metadata)];
}

function isAboutDisk(error: unknown): boolean {
	return error instanceof Error && explainDiskFailure(error.cause) !== undefined;
}

// Its version alone does not make a database ours.
function findMissingTables(metadata: Metadata): readonly string[] {
	const selectNames = 'SELECT name FROM sqlite_schema WHERE type IN (\'table\', \'index\')';
	const names = new Set(metadata.statement(selectNames).all().map(row => row.name));
	const {DatabaseSync} = process.getBuiltinModule('node:sqlite');
	using fresh = new DatabaseSync(':memory:');
	for (const step of migrations) {
		fresh.exec(step);
	}

	return fresh.prepare(selectNames).all().filter(row => !names.has(row.name)).map(row => `${String(row.name)} is missing`);
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
