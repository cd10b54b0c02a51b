import {TsbuildError, type TsbuildErrorOptions} from '../../src/kernel/errors.ts';

/** The error of a container that could not be set up; nothing of the step has run. Its code is `ERR_TSBUILD_CONTAINER_SETUP`. */
export function setupError(message: string, options: TsbuildErrorOptions = {}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTAINER_SETUP', message, options);
}
