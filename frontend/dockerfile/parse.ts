import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import type {EscapeCharacter} from './directives.ts';
import {atLocation, DockerfileError} from './errors.ts';
import {splitFlags} from './flags.ts';
import type {Heredoc} from './heredoc.ts';
import {parseJsonArray} from './json-array.ts';
import {findKeyword, splitKeyword, type Keyword} from './keyword.ts';
import {splitQuotedWords} from './quoted-words.ts';
import {scanDockerfile, type DockerfileSource, type LogicalLine} from './scan.ts';
import {cutAtBlanks, cutAtWhitespace, splitOnBlanks} from './whitespace.ts';

/** An instruction with its arguments cut apart, not yet judged. */
export type Statement = {
	/** As written; `keyword` tells which instruction it is, if any. */
	readonly word: string;
	readonly keyword: Keyword | undefined;
	readonly flags: readonly string[];
	/** ENV and LABEL: names and values in turn. ONBUILD: none, see `trigger`. Others: one or several, as the instruction splits them. */
	readonly words: readonly string[];
	/** The words come from the exec form. */
	readonly isJson: boolean;
	/** ENV and LABEL: the one pair is written without `=`. */
	readonly isLegacyPair?: boolean;
	/** What ONBUILD triggers. */
	readonly trigger?: Statement;
	/** The whole instruction without its heredocs' bodies. */
	readonly text: string;
	readonly location: SourceLocation;
	readonly comments: readonly string[];
	readonly heredocs: readonly Heredoc[];
	readonly escape: EscapeCharacter;
	/** See `LogicalLine`. */
	readonly emptyContinuation?: number;
};

type Arguments = Pick<Statement, 'words' | 'isJson' | 'isLegacyPair'>;

// The largest real Dockerfiles have some hundreds; an image has at most 127 layers.
const maximumStatements = 10_000;

/**
Cuts a Dockerfile into statements.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`, `ERR_TSBUILD_DOCKERFILE_EXPANSION` and `ERR_TSBUILD_DOCKERFILE_LIMIT`; see `scanDockerfile` for those about lines
*/
export function parseDockerfile(source: DockerfileSource): readonly Statement[] {
	if (source.content.length === 0) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'the Dockerfile cannot be empty');
	}

	const statements: Statement[] = [];
	for (const line of scanDockerfile(source)) {
		if (statements.length === maximumStatements) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_LIMIT', `dockerfile has more than ${maximumStatements} instructions`, {locations: [line.location]});
		}

		statements.push(atLocation(line.location, () => parseStatement(line)));
	}

	return statements;
}

function parseStatement(line: LogicalLine): Statement {
	const {keyword: word, rest} = splitKeyword(line.text);
	const {flags, rest: argumentText} = splitFlags(rest);
	const keyword = findKeyword(word);
	const statement = {
		...line, word, keyword, flags,
	};
	return keyword === 'ONBUILD'
		? {
			...statement, words: [], isJson: false, ...parseTrigger(line, argumentText),
		}
		: {...statement, ...splitArguments(keyword, argumentText, line.escape)};
}

/** Only one level: what a trigger triggers is refused anyway. */
function parseTrigger(line: LogicalLine, text: string): {readonly trigger?: Statement} {
	if (text === '') {
		return {};
	}

	const {keyword: word, rest} = splitKeyword(text);
	const {flags, rest: argumentText} = splitFlags(rest);
	const keyword = findKeyword(word);
	return {
		trigger: {
			...line, text, word, keyword, flags, ...splitArguments(keyword, argumentText, line.escape),
		},
	};
}

type ArgumentSplitter = (text: string, escape: EscapeCharacter) => Arguments;

const splitters: Readonly<Record<Keyword, ArgumentSplitter>> = {
	ADD: splitJsonOrBlanks,
	ARG: (text, escape) => ({words: splitQuotedWords(text, escape), isJson: false}),
	CMD: splitJsonOrOne,
	COPY: splitJsonOrBlanks,
	ENTRYPOINT: splitJsonOrOne,
	ENV: (text, escape) => splitPairs('ENV', text, escape),
	EXPOSE: splitBlanks,
	FROM: splitBlanks,
	HEALTHCHECK: splitHealthcheck,
	LABEL: (text, escape) => splitPairs('LABEL', text, escape),
	MAINTAINER: oneWord,
	ONBUILD: () => ({words: [], isJson: false}),
	RUN: splitJsonOrOne,
	SHELL: splitJsonOrOne,
	STOPSIGNAL: oneWord,
	USER: oneWord,
	VOLUME: splitJsonOrBlanks,
	WORKDIR: oneWord,
};

/** An unknown instruction is refused later, when all lines have been cut. */
function splitArguments(keyword: Keyword | undefined, text: string, escape: EscapeCharacter): Arguments {
	return keyword === undefined ? {words: [], isJson: false} : splitters[keyword](text, escape);
}

function splitJsonOrBlanks(text: string): Arguments {
	return readJson(text) ?? splitBlanks(text);
}

function splitJsonOrOne(text: string): Arguments {
	return readJson(text) ?? oneWord(text);
}

function splitBlanks(text: string): Arguments {
	return {words: splitOnBlanks(text), isJson: false};
}

function readJson(text: string): Arguments | undefined {
	const words = parseJsonArray(text);
	return words && {words, isJson: true};
}

function oneWord(text: string): Arguments {
	return {words: text === '' ? [] : [text], isJson: false};
}

/** `name=value ...`, or `name value` with all the rest as value. */
function splitPairs(keyword: Keyword, text: string, escape: EscapeCharacter): Arguments {
	const words = splitQuotedWords(text, escape);
	if (words[0]?.includes('=') === false) {
		const [name, value] = cutAtBlanks(text);
		if (value === undefined) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `${keyword} must have two arguments`);
		}

		return {words: [name, value], isJson: false, isLegacyPair: true};
	}

	return {words: words.flatMap(word => splitPair(word)), isJson: false};
}

function splitPair(word: string): readonly string[] {
	const separator = word.indexOf('=');
	if (separator === -1) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `Syntax error - can't find = in ${quoteGoString(word)}. Must be of the form: name=value`);
	}

	return [word.slice(0, separator), word.slice(separator + 1)];
}

/** The type (`CMD`, `NONE`) and what follows it. */
function splitHealthcheck(text: string): Arguments {
	const [type, command] = cutAtWhitespace(text);
	const {words, isJson} = readJson(command) ?? oneWord(command);
	return {words: [...oneWord(type).words, ...words], isJson};
}
