import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';

const diskFull = 'The disk is full.';
const damaged = 'The database is damaged: \'tsbuild store check --repair\' makes a new one, in which the images keep their names.';

// https://sqlite.org/rescode.html
const sqliteHints: ReadonlyMap<unknown, string> = new Map([
	[10, 'The disk has failed: see the log of the kernel.'],
	[11, damaged],
	[13, diskFull],
	[26, damaged],
]);

const hints: ReadonlyMap<string | undefined, string> = new Map([
	['ENOSPC', diskFull],
	['EDQUOT', 'The disk quota is used up.'],
	['EIO', 'The disk has failed: see the log of the kernel.'],
	['EROFS', 'The file system is read-only: choose another directory with --root.'],
]);

/**
The error for something in a store that could not be opened or written: `failed to <action>: <reason>`, code `ERR_TSBUILD_STORE`, with the system's error as cause. An error that is ours already stays as it is.
*/
export function storeError(action: string, error: unknown): TsbuildError {
	if (error instanceof TsbuildError) {
		return error;
	}

	const hint = sqliteHint(error) ?? hints.get(errorCode(error));
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

// The low byte is the kind of the error. https://sqlite.org/rescode.html#extrc
function sqliteHint(error: unknown): string | undefined {
	const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
	return typeof code === 'number' ? sqliteHints.get(code % 256) : undefined;
}
