import {errorCode, errorMessage, TsbuildError} from '../../src/kernel/errors.ts';
import {displayName, type Name} from '../../src/linux/name.ts';
import {isDiskFull} from '../../snapshotter/store-error.ts';

const hint = 'ADD --unpack=false copies an archive as it is.';

// What the machine is to blame for, and not the archive.
const machineFailures: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM']);

// What the archive itself is to blame for.
const archiveFailures: ReadonlySet<string> = new Set(['ERR_TSBUILD_ARCHIVE', 'ERR_TSBUILD_TAR', 'ERR_TSBUILD_DECOMPRESS', 'ERR_TSBUILD_UNPACKED_SIZE']);

/** Why an entry is refused: `ERR_TSBUILD_ARCHIVE`. `explainArchiveFailure` adds which one. */
export function archiveError(reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_ARCHIVE', reason, {hint});
}

/** The error of an archive of which something failed at some entry: the archive's fault, or the machine's, which stays as it is. */
export function explainArchiveFailure(archive: Name, entry: Name | undefined, error: unknown): unknown {
	const code = errorCode(error) ?? '';
	const isOfMachine = machineFailures.has(code) && (code !== 'ENOSPC' || isDiskFull(error));
	const isOfSystem = error instanceof Error && 'syscall' in error && !isOfMachine;
	if (!isOfSystem && !archiveFailures.has(code)) {
		return error;
	}

	const place = entry === undefined ? '' : ` at ${displayName(entry)}`;
	return new TsbuildError('ERR_TSBUILD_ARCHIVE', `failed to unpack ${displayName(archive)}${place}: ${errorMessage(error)}`, {cause: error, hint});
}
