import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';

// https://sqlite.org/rescode.html#full
const sqliteFull = 13;

const diskFull = 'The disk is full.';

const hints: ReadonlyMap<string | undefined, string> = new Map([
	['ENOSPC', diskFull],
	['EDQUOT', 'The disk quota is used up.'],
	['EROFS', 'The file system is read-only: choose another directory with --root.'],
]);

/**
The error for something in a store that could not be opened or written: `failed to <action>: <reason>`, code `ERR_TSBUILD_STORE`, with the system's error as cause. An error that is ours already stays as it is.
*/
export function storeError(action: string, error: unknown): TsbuildError {
	if (error instanceof TsbuildError) {
		return error;
	}

	const hint = isSqliteFull(error) ? diskFull : hints.get(errorCode(error));
	return new TsbuildError('ERR_TSBUILD_STORE', `failed to ${action}: ${errorMessage(error)}`, {
		cause: error,
		...(hint !== undefined && {hint}),
	});
}

function isSqliteFull(error: unknown): boolean {
	return error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
}
