import {formatPlatform, type Platform} from '../../../src/kernel/platform.ts';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import {parseBaseName} from '../base-name.ts';
import type {EscapeCharacter} from '../directives.ts';
import {DockerfileError} from '../errors.ts';
import {expandWord} from '../expand.ts';
import type {ArgInstruction, Dockerfile, FromInstruction} from '../instructions.ts';
import {readPlatformName} from '../platform-name.ts';
import type {ImageSource} from '../stage-sources.ts';
import type {Expansion} from '../word-expander.ts';
import {WorkBudget} from '../work-budget.ts';
import type {Checker} from './checker.ts';
import {checkRules} from './rules.ts';

/*
Rules about what stages begin with.
*/

/** What the global variables are before the ARGs of the file. */
export type DefaultArguments = {
	readonly predefined: ReadonlyMap<string, string>;
	readonly escape: EscapeCharacter;
};

/** InvalidDefaultArgInFrom: names of images as they are when no build argument is given. */
export function checkDefaultArguments({globalArguments, stages}: Dockerfile, options: DefaultArguments, checker: Checker): void {
	try {
		const budget = new WorkBudget();
		const variables = expandDefaults(globalArguments, options, budget);
		for (const {from} of stages) {
			const name = expandWord(from.baseName, variables, {escape: options.escape, budget}).text;
			if (!isReference(name)) {
				checker.report(checkRules.invalidDefaultArgInFrom, `Default value for ARG ${from.baseName} results in empty or invalid base image name`, {location: from.location});
			}
		}
	} catch (error) {
		// The build says what is wrong, unless the build arguments mend it.
		if (!(error instanceof DockerfileError)) {
			throw error;
		}
	}
}

/** The rules about one FROM, as its variables are expanded. */
export class FromChecks {
	readonly #checker: Checker;
	readonly #variables: ReadonlyMap<string, string>;
	readonly #declared: ReadonlySet<string>;

	constructor(checker: Checker, globalArguments: readonly ArgInstruction[], variables: ReadonlyMap<string, string>) {
		this.#checker = checker;
		this.#variables = variables;
		this.#declared = new Set([...variables.keys(), ...globalArguments.flatMap(({parameters}) => parameters.map(({name}) => name))]);
	}

	/** UndefinedArgInFrom in the name of the image. */
	base(from: FromInstruction, {unset}: Expansion): void {
		for (const name of unset) {
			if (!this.#declared.has(name)) {
				this.#checker.report(checkRules.undefinedArgInFrom, `FROM argument '${name}' is not declared${this.#checker.suggestion(name, this.#declared)}`, from);
			}
		}
	}

	/** UndefinedArgInFrom, RedundantTargetPlatform and FromPlatformFlagConstDisallowed in `--platform`. */
	platform(from: FromInstruction, expansion: Expansion, fallback: Platform): void {
		const {text, set, unset} = expansion;
		this.base(from, expansion);
		if (unset.size === 0 && set.size === 1 && set.has('TARGETPLATFORM') && text === this.#variables.get('TARGETPLATFORM')) {
			this.#checker.report(checkRules.redundantTargetPlatform, `Setting platform to predefined ${from.platform!} in FROM is redundant as this is the default behavior`, from);
		}

		if (unset.size === 0 && set.size === 0 && !isPlatformInName(text, from.stageName, fallback)) {
			this.#checker.report(checkRules.fromPlatformFlagConstDisallowed, `FROM --platform flag should not use constant value ${quoteGoString(text)}`, from);
		}
	}
}

/** InvalidBaseImagePlatform: an image that was found, against what was looked for. */
export function checkImagePlatform({written, platform, namedContext, location}: ImageSource, found: Platform, checker: Checker): void {
	const isWrong = platform.os !== found.os || platform.architecture !== found.architecture;
	if (namedContext !== undefined || !isWrong) {
		return;
	}

	const detail = `Base image ${written} was pulled with platform "${formatPlatform(found)}", expected "${formatPlatform(platform)}" for current build`;
	checker.report(checkRules.invalidBaseImagePlatform, detail, {location});
}

function expandDefaults(globalArguments: readonly ArgInstruction[], {predefined, escape}: DefaultArguments, budget: WorkBudget): ReadonlyMap<string, string> {
	const variables = new Map(predefined);
	for (const {name, value} of globalArguments.flatMap(({parameters}) => parameters)) {
		if (value !== undefined) {
			variables.set(name, expandWord(value, variables, {escape, budget}).text);
		}
	}

	return variables;
}

function isReference(name: string): boolean {
	try {
		parseBaseName(name);
		return true;
	} catch {
		return false;
	}
}

/** A stage whose name says for what it is may be for that alone. A platform that is none fails by itself. */
function isPlatformInName(text: string, stageName: string, fallback: Platform): boolean {
	try {
		const {os, architecture} = readPlatformName(text, fallback);
		return stageName.includes(os) || stageName.includes(architecture);
	} catch {
		return true;
	}
}
