import {isJsonArray} from './json-array.ts';
import {DockerfileError} from './errors.ts';
import {expandToWords} from './expand.ts';
import {splitKeyword} from './keyword.ts';
import {splitFlags} from './flags.ts';
import type {ExpandOptions} from './word-expander.ts';
import {WorkBudget} from './work-budget.ts';

/** A heredoc's opening word, such as `<<-EOF`. */
export type HeredocWord = {
	/** The line that ends the body. */
	readonly name: string;
	/** Variables in the body are expanded (COPY and ADD): no part of the name is quoted. */
	readonly expands: boolean;
	/** `<<-`: tabs at the start of each line fall out. */
	readonly removesTabs: boolean;
};

/** A heredoc with the lines between its opening word and its end. */
export type Heredoc = HeredocWord & {
	/** With the last line end; with the tabs that `removesTabs` is about. */
	readonly content: string;
};

const heredocInstructions: ReadonlySet<string> = new Set(['ADD', 'COPY', 'RUN']);
const noVariables: ReadonlyMap<string, string> = new Map();

/** The heredocs that a line opens, in order. Only RUN, COPY and ADD in their shell forms have any, and ONBUILD of these. */
export function findHeredocs(text: string): readonly HeredocWord[] {
	const words = text.includes('<<') && canHaveHeredocs(text) ? splitAsWritten(text) : [];
	return words.map(word => parseHeredocWord(word)).filter(word => word !== undefined);
}

/** Reads one word; `undefined` when it opens no heredoc. A file descriptor may stand before it (`3<<EOF`). */
export function parseHeredocWord(word: string): HeredocWord | undefined {
	const {dash, name = ''} = /^\d*<<(?<dash>-?)(?<name>[^<]*)$/v.exec(word)?.groups ?? {};
	const words = splitWords(name, {});
	const [unquoted] = words;
	if (unquoted === undefined || words.length > 1) {
		return undefined;
	}

	const [quoted = ''] = splitWords(name, {keepsQuotes: true});
	return {name: unquoted, expands: countQuotes(quoted) === countQuotes(unquoted), removesTabs: dash === '-'};
}

/** The content as the file that it becomes: without the tabs that `<<-` takes away. */
export function heredocText({content, removesTabs}: Heredoc): string {
	return removesTabs ? content.replaceAll(/^\t+/gmv, '') : content;
}

function canHaveHeredocs(text: string): boolean {
	const {keyword, rest} = splitKeyword(text);
	if (keyword.toUpperCase() !== 'ONBUILD') {
		return isHeredocInstruction(keyword, rest);
	}

	const trigger = splitKeyword(splitFlags(rest).rest);
	return isHeredocInstruction(trigger.keyword, trigger.rest);
}

function isHeredocInstruction(keyword: string, rest: string): boolean {
	return heredocInstructions.has(keyword.toUpperCase()) && !isJsonArray(splitFlags(rest).rest);
}

function splitAsWritten(line: string): readonly string[] {
	return splitWords(line, {keepsQuotes: true, keepsEscapes: true});
}

/** A text with an open quote has no words: the shell that gets it may well know what it means. */
function splitWords(text: string, options: Partial<ExpandOptions>): readonly string[] {
	try {
		return expandToWords(text, noVariables, {
			escape: '\\', keepsUnset: true, budget: new WorkBudget(), ...options,
		});
	} catch (error) {
		if (error instanceof DockerfileError && error.code === 'ERR_TSBUILD_DOCKERFILE_EXPANSION') {
			return [];
		}

		throw error;
	}
}

function countQuotes(text: string): number {
	return text.split(/["']/v).length - 1;
}
