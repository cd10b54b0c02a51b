/**
What a `TsbuildError` carries besides its message.
*/
export type TsbuildErrorOptions = {
	/** The error that led to this one. */
	readonly cause?: unknown;
	/** One sentence that tells the user what to do about it. */
	readonly hint?: string;
};

/**
The base of every error that a user can reach.

Programmer errors are plain `TypeError`s. Code branches on `code`, never on the message. A message reads "failed to <verb> <object>", in lower case and without a full stop, and never holds a secret.
*/
export class TsbuildError extends Error {
	override readonly name: string = 'TsbuildError';
	readonly code: `ERR_TSBUILD_${string}`;
	readonly hint: string | undefined;

	constructor(code: `ERR_TSBUILD_${string}`, message: string, options: TsbuildErrorOptions = {}) {
		super(message, 'cause' in options ? {cause: options.cause} : undefined);
		this.code = code;
		this.hint = options.hint;
	}
}

/** The error that came first, when undoing things after it failed too: on a full disk, mostly for the same reason. */
export function firstError(error: unknown): unknown {
	let first = error;
	while (first instanceof SuppressedError) {
		first = first.suppressed;
	}

	return first;
}

// What Node calls errors of disks that it has no name for. https://man7.org/linux/man-pages/man3/errno.3.html
const namelessErrors: ReadonlyMap<string, {readonly code: string; readonly text: string}> = new Map([
	['Unknown system error -117', {code: 'EUCLEAN', text: 'structure needs cleaning'}],
	['Unknown system error -122', {code: 'EDQUOT', text: 'disk quota exceeded'}],
]);

/** The `code` of an error of ours or of Node (`ENOENT`, `ERR_TSBUILD_...`), or `undefined`. */
export function errorCode(thrown: unknown): string | undefined {
	const error = firstError(thrown);
	const code = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
	return code === undefined ? undefined : namelessErrors.get(code)?.code ?? code;
}

/** The message of anything that was thrown. */
export function errorMessage(thrown: unknown): string {
	const error = firstError(thrown);
	return error instanceof Error ? withNames(error.message) : String(error);
}

function withNames(message: string): string {
	let named = message;
	for (const [name, {code, text}] of namelessErrors) {
		named = named.replace(`${name}: ${name}`, () => `${code}: ${text}`);
	}

	return named;
}
