import {explainDiskFailure} from '../src/kernel/disk-failure.ts';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';

const damaged = 'The database is damaged: \'tsbuild store check --repair\' makes a new one, in which the images keep their names.';

// https://sqlite.org/rescode.html
const sqliteHints: ReadonlyMap<number | undefined, string> = new Map([
	[8, 'The database may not be written: see the rights and attributes of its file.'],
	[10, 'The disk has failed: see the log of the kernel.'],
	[11, damaged],
	[13, 'The disk is full.'],
	[26, damaged],
]);

// SQLITE_READONLY, SQLITE_IOERR and SQLITE_CANTOPEN may stand for any error of the system.
const vagueResults: ReadonlySet<number | undefined> = new Set([8, 10, 14]);

/**
The error for something in a store that could not be opened or written: `failed to <action>: <reason>`, code `ERR_TSBUILD_STORE`, with the system's error as cause. An error that is ours already stays as it is.
*/
export function storeError(action: string, error: unknown): TsbuildError {
	if (error instanceof TsbuildError) {
		return error;
	}

	const hint = sqliteHints.get(sqliteResult(error)) ?? explainStoreFailure(error);
	return new TsbuildError('ERR_TSBUILD_STORE', `failed to ${action}: ${errorMessage(error)}`, {
		cause: error,
		...(hint !== undefined && {hint}),
	});
}

/**
Whether an error says that the disk is full, or its quota used up.

A file system without room for an extended attribute of some size says the same, but not because it is full: https://man7.org/linux/man-pages/man2/setxattr.2.html
*/
export function isDiskFull(error: unknown): boolean {
	const isAboutAttribute = error instanceof Error && 'syscall' in error && String(error.syscall).endsWith('setxattr');
	return !isAboutAttribute && ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
}

/** The error for a database that has lost all that was in it. */
export function emptyDatabase(file: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_STORE', `failed to open metadata ${file}: it is empty`, {hint: damaged});
}

/** Whether SQLite says that the system has refused something, but not why. */
export function isVague(error: unknown): boolean {
	return vagueResults.has(sqliteResult(error));
}

function explainStoreFailure(error: unknown): string | undefined {
	return errorCode(error) === 'EROFS' ? 'The file system is read-only: choose another directory with --root.' : explainDiskFailure(error);
}

// The low byte is the kind of the error. https://sqlite.org/rescode.html#extrc
function sqliteResult(error: unknown): number | undefined {
	const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
	return typeof code === 'number' ? code % 256 : undefined;
}
