import {TsbuildError, type TsbuildErrorOptions} from '../kernel/errors.ts';

/** The command line cannot be understood. Nothing was done yet. */
export class UsageError extends TsbuildError {
	override readonly name = 'UsageError';

	constructor(message: string, options: TsbuildErrorOptions = {}) {
		super('ERR_TSBUILD_USAGE', message, options);
	}
}

/** The command line is understood, but what it asks for cannot be built. Told as a failed build, as buildx does. */
export class RequestError extends TsbuildError {
	override readonly name = 'RequestError';

	constructor(message: string, options: TsbuildErrorOptions = {}) {
		super('ERR_TSBUILD_REQUEST', message, options);
	}
}
