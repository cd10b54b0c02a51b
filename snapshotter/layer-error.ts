import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {displayName, type Name} from '../src/linux/name.ts';
import {isDiskFull} from './store-error.ts';

const hints: Readonly<Record<string, string>> = {
	ENOSPC: 'The disk is full.',
	EDQUOT: 'The quota of the disk is used up.',
	EINVAL: 'When it is about an owner: more subordinate ids in /etc/subuid and /etc/subgid may help.',
};

const diskFailures: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);

/** The error of a layer entry that is refused. */
export function layerError(path: Name, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_LAYER', `failed to apply layer entry ${displayName(path)}: ${reason}`, {
		hint: 'The image is damaged, or was made by a broken or hostile program.',
	});
}

/** The error of a layer entry that the system did not take: the disk's fault or the entry's. */
export function layerEntryFailure(path: Name, cause: unknown): TsbuildError {
	const code = errorCode(cause) ?? '';
	const isTooLarge = code === 'ENOSPC' && !isDiskFull(cause);
	const hint = isTooLarge ? 'The file system of the store has no room for extended attributes of this size.' : hints[code];
	return new TsbuildError(!isTooLarge && diskFailures.has(code) ? 'ERR_TSBUILD_STORE' : 'ERR_TSBUILD_LAYER', `failed to apply layer entry ${displayName(path)}: ${errorMessage(cause)}`, {
		cause,
		...(hint !== undefined && {hint}),
	});
}
