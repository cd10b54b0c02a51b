import path from 'node:path';
import process from 'node:process';
import type {
	DatabaseSync,
	SQLInputValue,
	StatementResultingChanges,
	StatementSync,
} from 'node:sqlite';
import {errorCode, TsbuildError} from '../src/kernel/errors.ts';
import {migrations} from './schema.ts';
import {readWithRoom} from './shared-memory.ts';
import {emptyDatabase, isVague, storeError} from './store-error.ts';
import {tryDisk} from './try-disk.ts';

// A writer holds the database for less than a millisecond, but a machine that is short of memory or disk can stop it there for seconds.
const busyTimeoutMilliseconds = 60_000;

// What a small change of the database needs.
const trialSize = 64 * 1024;

/**
A prepared statement. Its functions take the values of its parameters, and throw `ERR_TSBUILD_STORE` when the database cannot be read or written.

@see https://nodejs.org/api/sqlite.html#class-statementsync
*/
export type Statement = {
	/** All rows. */
	readonly all: (...values: readonly SQLInputValue[]) => ReturnType<StatementSync['all']>;
	/** The first row. */
	readonly get: (...values: readonly SQLInputValue[]) => ReturnType<StatementSync['get']>;
	/** What it has changed. */
	readonly run: (...values: readonly SQLInputValue[]) => StatementResultingChanges;
};

/**
The tables of a store. Every process of a store has its own connection to the one database file.

Who owns a topic owns its queries: this class only keeps the connection, the prepared statements and the transactions.
*/
export class Metadata implements Disposable {
	readonly #database: DatabaseSync;
	readonly #file: string;
	readonly #statements = new Map<string, Statement>();

	constructor(database: DatabaseSync, file: string) {
		this.#database = database;
		this.#file = file;
	}

	#explaining<Value>(call: () => Value): Value {
		try {
			return call();
		} catch (error) {
			throw errorCode(error) === 'ERR_SQLITE_ERROR' ? databaseError('use', this.#file, error) : error;
		}
	}

	#prepare(sql: string): Statement {
		const statement = this.#explaining(() => this.#database.prepare(sql));
		return {
			all: (...values) => this.#explaining(() => statement.all(...values)),
			get: (...values) => this.#explaining(() => statement.get(...values)),
			run: (...values) => this.#explaining(() => statement.run(...values)),
		};
	}

	#transaction<Value>(change: () => Value): Value {
		try {
			// Taking the write lock at once never has to give up halfway, as a reader who starts to write would. https://sqlite.org/lang_transaction.html#immediate
			this.#database.exec('BEGIN IMMEDIATE');
			const value = change();
			this.#database.exec('COMMIT');
			return value;
		} catch (error) {
			// Some errors (a full disk) have rolled back already.
			if (this.#database.isTransaction) {
				this.#database.exec('ROLLBACK');
			}

			throw error;
		}
	}

	/** The prepared statement of a constant text; it is prepared once. */
	statement(sql: string): Statement {
		let statement = this.#statements.get(sql);
		if (statement === undefined) {
			statement = this.#prepare(sql);
			this.#statements.set(sql, statement);
		}

		return statement;
	}

	/**
	Runs `change` whole or not at all, alone among all processes. `change` is synchronous and short: everybody else who writes waits for it. A transaction inside another is a mistake.

	@returns what `change` returns
	@throws {TsbuildError} `ERR_TSBUILD_STORE` when it cannot be written; what `change` throws
	*/
	transaction<Value>(change: () => Value): Value {
		return this.#explaining(() => this.#transaction(change));
	}

	[Symbol.dispose](): void {
		if (this.#database.isOpen) {
			this.#database.close();
		}
	}
}

/**
Opens the database `metadata.db` in `root`, an existing directory; makes it, or brings it to the present schema, when needed.

@param root the directory
@param options how
@param options.mustExist whether there must be one that was made before: in a store, one that is missing or empty is damage, and a new one would know none of its images
@throws {TsbuildError} `ERR_TSBUILD_STORE_VERSION` when a newer tsbuild has changed the schema; `ERR_TSBUILD_STORE` when it cannot be opened
*/
export function openMetadata(root: string, {mustExist = false}: {readonly mustExist?: boolean} = {}): Metadata {
	// Loaded here because commands without a store need not wait for it.
	const {DatabaseSync} = process.getBuiltinModule('node:sqlite');
	const file = path.join(root, 'metadata.db');
	let database: DatabaseSync | undefined;
	try {
		database = new DatabaseSync(file, {timeout: busyTimeoutMilliseconds});
		configure(database, file);
		if (mustExist && schemaVersion(database) === 0) {
			throw emptyDatabase(file);
		}

		migrate(database, file);
		return new Metadata(database, file);
	} catch (error) {
		database?.close();
		throw databaseError('open', file, error);
	}
}

function databaseError(verb: string, file: string, error: unknown): TsbuildError {
	const reason = isVague(error) ? tryDisk(path.dirname(file), trialSize) : undefined;
	return storeError(`${verb} metadata ${file}`, reason ?? error);
}

function configure(database: DatabaseSync, file: string): void {
	readWithRoom(file, () => {
		// Readers and the writer do not wait for each other. https://sqlite.org/wal.html
		database.exec('PRAGMA journal_mode = WAL');
		schemaVersion(database);
	});
	// No fsync per transaction. A power loss may take the last transactions, but never damages the database; rows that promise more than the files hold would be of no use anyway, and those are covered once per build.
	database.exec('PRAGMA synchronous = NORMAL');
}

function migrate(database: DatabaseSync, file: string): void {
	if (schemaVersion(database) === migrations.length) {
		return;
	}

	database.exec('BEGIN IMMEDIATE');
	// Another process may have done it while this one waited.
	const version = schemaVersion(database);
	if (version > migrations.length) {
		throw new TsbuildError('ERR_TSBUILD_STORE_VERSION', `failed to open metadata ${file}: it has version ${version}, this tsbuild knows up to ${migrations.length}`, {
			hint: 'Update tsbuild, or give it a store of its own with --root.',
		});
	}

	for (const step of migrations.slice(version)) {
		database.exec(step);
	}

	database.exec(`PRAGMA user_version = ${migrations.length}`);
	database.exec('COMMIT');
}

function schemaVersion(database: DatabaseSync): number {
	return database.prepare('PRAGMA user_version').get()!.user_version as number;
}
