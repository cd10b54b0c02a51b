import {TsbuildError, type TsbuildErrorOptions} from '../../src/kernel/errors.ts';
import type {SourceLocation} from '../../src/kernel/source-location.ts';

/**
What is wrong with a Dockerfile:

- `SYNTAX`: a line, a flag or the arguments of an instruction
- `EXPANSION`: a variable substitution
- `VALUE`: a value that reads well but means nothing (a port, a signal, a mode, an image reference)
- `STAGE`: a stage, a target, or what stages take from each other
- `BASE_IMAGE`: an image that cannot be found; `cause` tells why
- `LIMIT`: the file is too large, or makes too much of itself
- `CHECK`: a check found something, and the file or the user makes that an error
- `UNSUPPORTED`: something of the language that is not built yet
*/
export type DockerfileErrorCode = `ERR_TSBUILD_DOCKERFILE_${'SYNTAX' | 'EXPANSION' | 'VALUE' | 'STAGE' | 'BASE_IMAGE' | 'LIMIT' | 'CHECK' | 'UNSUPPORTED'}`;

/** What a `DockerfileError` carries besides its message. */
export type DockerfileErrorOptions = TsbuildErrorOptions & {
	/** The lines that the error is about, in the order in which they are shown. */
	readonly locations?: readonly SourceLocation[];
};

/**
A Dockerfile that cannot be built. The messages are those of BuildKit, so that people find them on the internet.
*/
export class DockerfileError extends TsbuildError {
	override readonly name: string = 'DockerfileError';
	/** The lines that the error is about, in the order in which they are shown; empty when it belongs to no line. */
	readonly locations: readonly SourceLocation[];

	constructor(code: DockerfileErrorCode, message: string, options: DockerfileErrorOptions = {}) {
		super(code, message, options);
		this.locations = options.locations ?? [];
	}

	/** The first of `locations`. */
	get location(): SourceLocation | undefined {
		return this.locations[0];
	}
}

/**
Runs `action`; a `DockerfileError` without a location that it throws gets `location`.
*/
export function atLocation<Result>(location: SourceLocation, action: () => Result): Result {
	try {
		return action();
	} catch (error) {
		throw addLocation(error, location);
	}
}

/** The error with `location`, unless it has one or is no `DockerfileError`. */
function addLocation(error: unknown, location: SourceLocation): unknown {
	return !(error instanceof DockerfileError) || error.locations.length > 0 ? error : rewriteError(error, error.message, [location]);
}

/** A copy of an error with another message and other locations. */
export function rewriteError(error: DockerfileError, message: string, locations: readonly SourceLocation[]): DockerfileError {
	return new DockerfileError(error.code as DockerfileErrorCode, message, {
		...('cause' in error && {cause: error.cause}),
		...(error.hint !== undefined && {hint: error.hint}),
		locations,
	});
}
