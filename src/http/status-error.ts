import {TsbuildError, type TsbuildErrorOptions} from '../kernel/errors.ts';

export type StatusErrorOptions = TsbuildErrorOptions & {
	readonly status?: number | undefined;
	readonly retryAfterSeconds?: number | undefined;
};

/** A server does not do what it was asked. Those of a certain kind of server have a class of their own. */
export class StatusError extends TsbuildError {
	override readonly name: string = 'StatusError';
	/** Of the answer; `undefined` when the answer's status is not the matter. */
	readonly status: number | undefined;
	/** How long the server asks to be left alone. */
	readonly retryAfterSeconds: number | undefined;

	constructor(code: `ERR_TSBUILD_${string}`, message: string, {status, retryAfterSeconds, ...options}: StatusErrorOptions = {}) {
		super(code, message, options);
		this.status = status;
		this.retryAfterSeconds = retryAfterSeconds;
	}
}
