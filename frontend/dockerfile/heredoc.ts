import {isJsonArray} from './json-array.ts';
import {expandWord, splitWords} from './expand.ts';
import {splitKeyword} from './keyword.ts';
import {splitFlags} from './flags.ts';
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

/**
The heredocs that a line opens, in order. Only RUN, COPY and ADD in their shell forms have any, and ONBUILD of these.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION` for a name with a quote that does not end
*/
export function findHeredocs(text: string): readonly HeredocWord[] {
	if (!text.includes('<<') || !canHaveHeredocs(text)) {
		return [];
	}

	const words = splitWords(text, noVariables, {
		escape: '\\', keepsQuotes: true, keepsEscapes: true, keepsUnset: true, budget: new WorkBudget(),
	});
	return words.map(word => parseHeredocWord(word)).filter(word => word !== undefined);
}

/**
Reads one word; `undefined` when it opens no heredoc. A file descriptor may stand before it (`3<<EOF`).

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION` for a name with a quote that does not end
*/
export function parseHeredocWord(word: string): HeredocWord | undefined {
	const {dash, name = ''} = /^\d*<<(?<dash>-?)(?<name>[^<]*)$/v.exec(word)?.groups ?? {};
	if (name.trim() === '') {
		return undefined;
	}

	const options = {escape: '\\', keepsUnset: true, budget: new WorkBudget()} as const;
	const {words} = expandWord(name, noVariables, options);
	const [unquoted] = words;
	if (unquoted === undefined || words.length > 1) {
		return undefined;
	}

	const [quoted = ''] = expandWord(name, noVariables, {...options, keepsQuotes: true}).words;
	return {name: unquoted, expands: countQuotes(quoted) === countQuotes(unquoted), removesTabs: dash === '-'};
}

/** The content as the file that it becomes: without the tabs that `<<-` takes away. */
export function heredocText({content, removesTabs}: Heredoc): string {
	return removesTabs ? content.replaceAll(/^\t+/gmv, '') : content;
}

function canHaveHeredocs(text: string): boolean {
	const {keyword, rest} = splitKeyword(text);
	if (keyword.toUpperCase() === 'ONBUILD') {
		const trigger = splitKeyword(splitFlags(rest).rest);
		return isHeredocInstruction(trigger.keyword, trigger.rest);
	}

	return isHeredocInstruction(keyword, rest);
}

function isHeredocInstruction(keyword: string, rest: string): boolean {
	return heredocInstructions.has(keyword.toUpperCase()) && !isJsonArray(splitFlags(rest).rest);
}

function countQuotes(text: string): number {
	return text.split(/["']/v).length - 1;
}
