import {posix} from 'node:path';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import type {Instruction} from '../instructions.ts';
import {splitKeyword} from '../keyword.ts';
import type {Checker} from './checker.ts';
import {checkRules, type CheckRule} from './rules.ts';

/** What the rules about a stage's instructions depend on. */
export type StageChecksOptions = {
	readonly checker: Checker;
	/** A stage that this one begins with has a WORKDIR. */
	readonly hasWorkingDirectory: boolean;
	/** Whether `.dockerignore` leaves a path out. */
	readonly isIgnored: (path: string) => boolean;
};

/** The names that an instruction sees. */
export type KnownNames = {
	readonly variables: ReadonlyMap<string, string>;
	/** ARGs, with or without a value. */
	readonly buildArguments: ReadonlyMap<string, string | undefined>;
};

// https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/dockerfile2llb/validations.go
const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/iv;
const harmlessName = /(?:_|^)(?:public|file|version)(?:_|$)/iv;

// They say what the scanner of the image looks at; nobody has to declare them.
const scannerArguments: ReadonlySet<string> = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

/**
The rules about the instructions of one stage, as they are carried out. Each method is about the instruction that `begin` was last called with.
*/
export class StageChecks {
	readonly #options: StageChecksOptions;
	readonly #previous = new Map<Instruction['kind'], Instruction>();
	#instruction: Instruction | undefined;
	#hasWorkingDirectory: boolean;

	constructor(options: StageChecksOptions) {
		this.#options = options;
		this.#hasWorkingDirectory = options.hasWorkingDirectory;
	}

	/** As in the file: `ENV` or `env`. */
	get #word(): string {
		return splitKeyword(this.#instruction!.code).keyword;
	}

	#report(rule: CheckRule, detail: string, instruction = this.#instruction!): void {
		this.#options.checker.report(rule, detail, {location: instruction.location, comments: this.#instruction!.comments});
	}

	/** A WORKDIR was carried out, here or in a stage below. */
	get hasWorkingDirectory(): boolean {
		return this.#hasWorkingDirectory;
	}

	/** The next instruction is carried out. */
	begin(instruction: Instruction): void {
		this.#instruction = instruction;
	}

	/** UndefinedVar: variables that were asked for and are not set. */
	unsetVariables(unset: ReadonlySet<string>, {variables, buildArguments}: KnownNames): void {
		for (const name of unset) {
			if (!buildArguments.has(name) && !scannerArguments.has(name)) {
				this.#report(checkRules.undefinedVar, `Usage of undefined variable '$${name}'${this.#options.checker.suggestion(name, variables, '$')}`);
			}
		}
	}

	/** LegacyKeyValueFormat: `ENV name value` and `LABEL name value`. */
	legacyFormat(): void {
		this.#report(checkRules.legacyKeyValueFormat, `"${this.#word} key=value" should be used instead of legacy "${this.#word} key value" format`);
	}

	/** SecretsUsedInArgOrEnv: the name of a variable. */
	variableName(keyword: 'ARG' | 'ENV', name: string): void {
		if (secretName.test(name) && !harmlessName.test(name)) {
			this.#report(checkRules.secretsUsedInArgOrEnv, `Do not use ARG or ENV instructions for sensitive data (${keyword} ${quoteGoString(name)})`);
		}
	}

	/** JSONArgsRecommended: CMD or ENTRYPOINT in shell form, by a shell that nobody chose. */
	shellForm(): void {
		this.#report(checkRules.jsonArgsRecommended, `JSON arguments recommended for ${this.#word} to prevent unintended behavior related to OS signals`);
	}

	/** MultipleInstructionsDisallowed: an instruction of which only the last has an effect. */
	replacesPrevious(): void {
		const instruction = this.#instruction!;
		const previous = this.#previous.get(instruction.kind);
		this.#previous.set(instruction.kind, instruction);
		if (previous !== undefined) {
			this.#report(checkRules.multipleInstructionsDisallowed, `Multiple ${this.#word} instructions should not be used in the same stage because only the last one will be used`, previous);
		}
	}

	/** WorkdirRelativePath: the first WORKDIR. */
	workingDirectory(path: string): void {
		if (!this.#hasWorkingDirectory && !path.startsWith('/')) {
			this.#report(checkRules.workdirRelativePath, `Relative workdir ${quoteGoString(path)} can have unexpected results if the base image changes`);
		}

		this.#hasWorkingDirectory = true;
	}

	/** ExposeProtoCasing and ExposeInvalidFormat: one argument of EXPOSE, with its parts. */
	port(specification: string, {protocol, hasHost}: {readonly protocol: string; readonly hasHost: boolean}): void {
		if (protocol !== protocol.toLowerCase()) {
			this.#report(checkRules.exposeProtoCasing, `Defined protocol '${specification}' in EXPOSE instruction should be lowercase`);
		}

		if (hasHost) {
			this.#report(checkRules.exposeInvalidFormat, `EXPOSE instruction should not define an IP address or host-port mapping, found '${specification}'`);
		}
	}

	/** CopyIgnoredFile: a source of COPY or ADD in the build context. */
	contextSource(source: string): void {
		const path = posix.normalize(source).replace(/(?<=.)\/$/v, '');
		if (!this.#options.isIgnored(path)) {
			return;
		}

		const verb = this.#instruction!.kind === 'add' ? 'Add' : 'Copy';
		this.#report(checkRules.copyIgnoredFile, `Attempting to ${verb} file ${quoteGoString(path)} that is excluded by .dockerignore`);
	}
}
