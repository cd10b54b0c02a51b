import {TsbuildError} from '../../src/kernel/errors.ts';

/** How a process ended, if it ever began. */
export type ProcessEnding = {
	/** 0 to 255; `undefined` when the process could not be started. */
	readonly exitCode: number | undefined;
	/** The kernel killed it because the memory limit was reached. */
	readonly outOfMemory: boolean;
	/** Why it could not be started, or what is known beyond the exit code. */
	readonly reason?: string | undefined;
	readonly cause?: unknown;
};

/**
The process of a RUN failed. Code `ERR_TSBUILD_PROCESS`.

The message is BuildKit's: `process "/bin/sh -c make" did not complete successfully: exit code: 2`.
*/
export class ProcessError extends TsbuildError {
	override readonly name = 'ProcessError';
	readonly exitCode: number | undefined;
	readonly outOfMemory: boolean;

	constructor(args: readonly string[], {exitCode, outOfMemory, reason, cause}: ProcessEnding) {
		const code = exitCode === undefined ? undefined : `exit code: ${exitCode}`;
		const parts = [`process ${quote(args.join(' '))} did not complete successfully`, code, reason].filter(part => part !== undefined);
		super('ERR_TSBUILD_PROCESS', parts.join(': '), {
			cause,
			...(cause instanceof TsbuildError && cause.hint !== undefined && {hint: cause.hint}),
			...(outOfMemory && {hint: 'Give the step more memory with --memory.'}),
		});
		this.exitCode = exitCode;
		this.outOfMemory = outOfMemory;
	}
}

const escapes: Readonly<Record<string, string>> = {
	'\u{7}': String.raw`\a`,
	'\b': String.raw`\b`,
	'\f': String.raw`\f`,
	'\n': String.raw`\n`,
	'\r': String.raw`\r`,
	'\t': String.raw`\t`,
	'\v': String.raw`\v`,
	'"': String.raw`\"`,
	'\\': String.raw`\\`,
};

/** A text as Go's `%q` prints it. https://pkg.go.dev/strconv#Quote */
function quote(text: string): string {
	return `"${text.replaceAll(/["\\[^\p{Letter}\p{Mark}\p{Number}\p{Punctuation}\p{Symbol} ]]/gv, character => escapes[character] ?? escapeCode(character.codePointAt(0)!))}"`;
}

function escapeCode(code: number): string {
	if (code < 0x80) {
		return String.raw`\x` + code.toString(16).padStart(2, '0');
	}

	return code < 0x1_00_00 ? String.raw`\u` + code.toString(16).padStart(4, '0') : String.raw`\U` + code.toString(16).padStart(8, '0');
}
