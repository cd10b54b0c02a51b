import {TsbuildError} from '../../src/kernel/errors.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';

/** How a process ended, if it ever began. */
export type ProcessEnding = {
	/** 0 to 255; `undefined` when the process could not be started. */
	readonly exitCode: number | undefined;
	/** The kernel killed it because the memory limit was reached. */
	readonly outOfMemory: boolean;
	/** Why it could not be started, or what is known beyond the exit code. */
	readonly reason?: string | undefined;
	readonly cause?: unknown;
	/** What may be the reason, and what to do about it. */
	readonly hint?: string | undefined;
};

/**
The process of a RUN failed. Code `ERR_TSBUILD_PROCESS`.

The message is BuildKit's: `process "/bin/sh -c make" did not complete successfully: exit code: 2`.
*/
export class ProcessError extends TsbuildError {
	override readonly name = 'ProcessError';
	readonly exitCode: number | undefined;
	readonly outOfMemory: boolean;

	constructor(args: readonly string[], {exitCode, outOfMemory, reason, cause, hint}: ProcessEnding) {
		const code = exitCode === undefined ? undefined : `exit code: ${exitCode}`;
		const parts = [`process ${quoteGoString(args.join(' '))} did not complete successfully`, code, reason].filter(part => part !== undefined);
		super('ERR_TSBUILD_PROCESS', parts.join(': '), {
			cause,
			...(hint !== undefined && {hint}),
			...(cause instanceof TsbuildError && cause.hint !== undefined && {hint: cause.hint}),
		});
		this.exitCode = exitCode;
		this.outOfMemory = outOfMemory;
	}
}
