import {removePrefix, removeSuffix} from './shell-pattern.ts';
import {SubstitutionProblem} from './substitution-problem.ts';
import type {WorkBudget} from './work-budget.ts';

/** `${name-argument}` and its kin; a variable that is not set has no value. */
export type Substitution = {
	readonly name: string;
	readonly value: string | undefined;
	/** `-`, `+`, `?`, also with a colon in front, `#` or `%`. */
	readonly operator: string;
	/** What follows the operator, itself expanded. */
	readonly argument: string;
};

/**
Makes sure that an operator is one. A colon alone stands at the end of the text; the brace that is missing there is found later.

@throws {SubstitutionProblem}
*/
export function requireOperator(operator: string): void {
	if (!/^(?::?[+\-?]|[#%:])$/v.test(operator)) {
		throw new SubstitutionProblem(`unsupported modifier (${operator}) in substitution`);
	}
}

/**
The text that a substitution stands for.

@throws {SubstitutionProblem} for `?` without a value, and for a pattern that is none
@see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_06_02
*/
export function applyOperator({name, value, operator, argument}: Substitution, budget: WorkBudget): string {
	const isMissing = value === undefined || (value === '' && operator.startsWith(':'));
	switch (operator.slice(-1)) {
		case '-': {
			return isMissing ? argument : value;
		}

		case '+': {
			return isMissing ? '' : argument;
		}

		case '?': {
			if (isMissing) {
				const reason = `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`;
				throw new SubstitutionProblem(`${name}: ${argument === '' ? reason : argument}`);
			}

			return value;
		}

		default: {
			return removePattern(value ?? '', {operator, argument}, budget);
		}
	}
}

/** `#` and `%` take the shortest match off the start or the end, `##` and `%%` the longest. */
function removePattern(value: string, {operator, argument}: Pick<Substitution, 'operator' | 'argument'>, budget: WorkBudget): string {
	const isDoubled = argument.startsWith(operator);
	const pattern = isDoubled ? argument.slice(1) : argument;
	const remove = operator === '#' ? removePrefix : removeSuffix;
	return remove(value, pattern, {match: isDoubled ? 'longest' : 'shortest', budget});
}
