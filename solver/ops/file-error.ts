import {TsbuildError, type TsbuildErrorOptions} from '../../src/kernel/errors.ts';
import {displayName, type Name} from '../../src/linux/name.ts';

/** The error of a file operation that the files themselves make impossible. Code `ERR_TSBUILD_FILE`; the messages are BuildKit's. */
export function fileError(message: string, options: TsbuildErrorOptions = {}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_FILE', message, options);
}

/** A source that is not there. Code `ERR_TSBUILD_SOURCE_NOT_FOUND`. */
export function sourceNotFound(treeName: string, path: Name): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SOURCE_NOT_FOUND', `failed to calculate checksum of ref ${treeName}: ${JSON.stringify(displayName(path))}: not found`, {
		hint: 'Check the path, and whether .dockerignore leaves it out.',
	});
}
