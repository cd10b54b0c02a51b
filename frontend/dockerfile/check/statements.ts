import type {FromInstruction, Instruction} from '../instructions.ts';
import type {Statement} from '../parse.ts';
import type {Checker} from './checker.ts';
import {checkRules} from './rules.ts';

/*
Rules about how a statement is written.
*/

const reservedNames: ReadonlySet<string> = new Set(['context', 'scratch']);

/** NoEmptyContinuation: a file that parses, before its instructions are judged. */
export function checkLines(statements: readonly Statement[], checker: Checker): void {
	for (const {emptyContinuation, location: {file}} of statements) {
		if (emptyContinuation !== undefined) {
			checker.report(checkRules.noEmptyContinuation, 'Empty continuation line', {location: {file, startLine: emptyContinuation, endLine: emptyContinuation}});
		}
	}
}

/** MaintainerDeprecated, StageNameCasing and FromAsCasing: a statement before it is judged. */
export function checkStatement(statement: Statement, checker: Checker): void {
	if (statement.keyword === 'MAINTAINER') {
		checker.report(checkRules.maintainerDeprecated, 'Maintainer instruction is deprecated in favor of using label', statement);
	} else if (statement.keyword === 'FROM') {
		checkFrom(statement, checker);
	}
}

/** InvalidDefinitionDescription: the comment above a definition. */
export function checkDescription(instruction: Instruction | FromInstruction, checker: Checker): void {
	if (instruction.kind === 'from' && instruction.stageName !== '') {
		checkComment('FROM', [instruction.stageName], {instruction, checker});
	} else if (instruction.kind === 'arg') {
		checkComment('ARG', instruction.parameters.map(({name}) => name), {instruction, checker});
	}
}

/** ReservedStageName and DuplicateStageName. */
export function checkStageNames(stages: readonly FromInstruction[], checker: Checker): void {
	const known = new Set<string>();
	for (const {stageName, location} of stages) {
		if (reservedNames.has(stageName)) {
			checker.report(checkRules.reservedStageName, `Stage name should not use the same name as reserved stage "${stageName}"`, {location});
		}

		if (stageName !== '' && known.has(stageName)) {
			checker.report(checkRules.duplicateStageName, `Duplicate stage name "${stageName}", stage names should be unique`, {location});
		}

		known.add(stageName);
	}
}

/** ConsistentInstructionCasing: the words from the first FROM on, against what most of them are. */
export function checkCasing(statements: readonly Statement[], checker: Checker): void {
	const judged = statements.slice(statements.findIndex(({keyword}) => keyword === 'FROM'));
	const lower = judged.filter(({word}) => isLowerCase(word)).length;
	const upper = judged.filter(({word}) => isUpperCase(word)).length;
	const [isRight, casing] = lower > upper ? [isLowerCase, 'lowercase'] as const : [isUpperCase, 'uppercase'] as const;
	for (const {word, location} of judged) {
		if (!isRight(word)) {
			checker.report(checkRules.consistentInstructionCasing, `Command '${word}' should match the case of the command majority (${casing})`, {location});
		}
	}
}

function checkFrom(statement: Statement, checker: Checker): void {
	const {word, words} = statement;
	const [, as = '', name = ''] = words;
	if (words.length === 3 && !isLowerCase(name)) {
		checker.report(checkRules.stageNameCasing, `Stage name '${name}' should be lowercase`, statement);
	}

	// A FROM in both cases is for ConsistentInstructionCasing.
	const isWrong = (isLowerCase(word) && !isLowerCase(as)) || (isUpperCase(word) && !isUpperCase(as));
	if (isWrong && words.length > 2) {
		checker.report(checkRules.fromAsCasing, `'${as}' and '${word}' keywords' casing do not match`, statement);
	}
}

function checkComment(keyword: string, names: readonly string[], {instruction, checker}: {readonly instruction: Instruction | FromInstruction; readonly checker: Checker}): void {
	const [first] = names;
	const [described] = instruction.comments.at(-1)?.split(' ', 1) ?? [];
	if (first === undefined || described === undefined || names.includes(described)) {
		return;
	}

	const name = names.length === 1 ? first : '<arg_key>';
	checker.report(checkRules.invalidDefinitionDescription, `Comment for ${keyword} should follow the format: \`# ${name} <description>\``, instruction);
}

function isLowerCase(text: string): boolean {
	return text === text.toLowerCase();
}

function isUpperCase(text: string): boolean {
	return text === text.toUpperCase();
}
