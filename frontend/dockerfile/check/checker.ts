import type {SourceLocation} from '../../../src/kernel/source-location.ts';
import {suggest} from '../../../src/kernel/suggestion.ts';
import type {CheckWarning} from '../check-warning.ts';
import {DockerfileError} from '../errors.ts';
import type {CheckRule} from './rules.ts';
import {settingsOfComments, type CheckSettings, type RuleNames} from './settings.ts';

/** Where a rule found something. */
export type CheckPlace = {
	readonly location: SourceLocation;
	/** Those above the instruction, which may change the settings for it. */
	readonly comments?: readonly string[];
};

// Steps of measuring how far names are from each other: for more names than people write, suggestions would take seconds.
const maximumEffort = 20_000_000;

const noComments: readonly string[] = [];

/** Takes what the rules find, and passes on what the settings let through. */
export class Checker {
	readonly #settings: CheckSettings;
	readonly #warn: (warning: CheckWarning) => void;
	readonly #found = new Set<string>();
	#effort = 0;
	#comments = noComments;
	#commentSettings: CheckSettings | undefined;

	constructor(settings: CheckSettings, warn: (warning: CheckWarning) => void) {
		this.#settings = settings;
		this.#warn = warn;
	}

	/** One instruction may break a rule many times. */
	#settingsOf(comments: readonly string[]): CheckSettings | undefined {
		if (comments !== this.#comments) {
			this.#comments = comments;
			this.#commentSettings = settingsOfComments(comments);
		}

		return this.#commentSettings;
	}

	#holds(rule: CheckRule, comments: readonly string[]): boolean {
		const settings = [this.#settings, this.#settingsOf(comments)].filter(found => found !== undefined);
		return rule.isExperimental
			? settings.some(({experimental}) => names(experimental, rule))
			: settings.every(({skipped}) => !names(skipped, rule));
	}

	/** Says that a rule is broken; `detail` tells how. */
	report(rule: CheckRule, detail: string, {location, comments = noComments}: CheckPlace): void {
		if (!this.#holds(rule, comments)) {
			return;
		}

		const {name: ruleName, description, url} = rule;
		this.#found.add(ruleName);
		this.#warn({
			ruleName, description, ...(url !== undefined && {url}), detail, location,
		});
	}

	/** ` (did you mean $name?)` for a name that is like one of others, with `prefix` before it; nothing after many of them. */
	suggestion(name: string, others: {readonly size: number; readonly keys: () => Iterable<string>}, prefix = ''): string {
		this.#effort += others.size * (name.length ** 2);
		const nearest = this.#effort > maximumEffort ? undefined : suggest(name, others.keys());
		return nearest === undefined ? '' : ` (did you mean ${prefix}${nearest}?)`;
	}

	/**
	Ends the checks.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_CHECK` when something was found and the settings make that an error
	*/
	finish(): void {
		if (this.#settings.isError && this.#found.size > 0) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_CHECK', `lint violation found for rules: ${[...this.#found].join(', ')}`, {
				hint: 'The line "# check=error=true" at the top of the Dockerfile, or the build argument BUILDKIT_DOCKERFILE_CHECK, makes errors of warnings.',
			});
		}
	}
}

function names(rules: RuleNames, {name}: CheckRule): boolean {
	return rules === 'all' || rules.has(name);
}
