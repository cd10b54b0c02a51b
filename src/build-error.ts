import {errorCode, TsbuildError} from './kernel/errors.ts';
import type {SourceLocation} from './kernel/source-location.ts';

/**
A build failed at something that the Dockerfile, the context or a step is to blame for. Code `ERR_TSBUILD_BUILD`; the cause says more.
*/
export class BuildError extends TsbuildError {
	override readonly name = 'BuildError';
	/** Places in files, each with the file's text, that show where it failed. */
	readonly sources: ReadonlyArray<{readonly location: SourceLocation; readonly text: string}>;

	constructor(message: string, {cause, sources}: {readonly cause: unknown; readonly sources: BuildError['sources']}) {
		super('ERR_TSBUILD_BUILD', message, {cause});
		this.sources = sources;
	}
}

// What is asked for is not there, or cannot be asked for. Nothing was solved for it.
const codesOfCalls: ReadonlySet<string | undefined> = new Set(['ERR_TSBUILD_CONTEXT', 'ERR_TSBUILD_REQUEST']);

/** Whether an error says that the call itself is wrong, so that no build has failed. */
export function isFaultOfCall(error: unknown): boolean {
	return codesOfCalls.has(errorCode(error));
}
