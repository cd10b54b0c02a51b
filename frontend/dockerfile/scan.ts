import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {DirectiveReader, type EscapeCharacter} from './directives.ts';
import {atLocation, DockerfileError, rewriteError} from './errors.ts';
import {findHeredocs, type Heredoc, type HeredocWord} from './heredoc.ts';
import {PhysicalLines} from './physical-lines.ts';
import {
	trimLeadingTabs,
	trimLeadingWhitespace,
	trimTrailing,
	trimWhitespace,
} from './whitespace.ts';

/** A Dockerfile as it was read. */
export type DockerfileSource = {
	/** The name as it is shown, for example `Dockerfile`. */
	readonly file: string;
	readonly content: Uint8Array;
};

/** One instruction: its continued lines joined, without comments. */
export type LogicalLine = {
	/** Without line ends; a joined line keeps its indentation. */
	readonly text: string;
	/** From the first line to the last, bodies of heredocs included. */
	readonly location: SourceLocation;
	/** The comments right above, without `#`; an empty comment starts anew. */
	readonly comments: readonly string[];
	readonly heredocs: readonly Heredoc[];
	readonly escape: EscapeCharacter;
	/** Where the joined lines end, when there are empty ones among them. */
	readonly emptyContinuation?: number;
};

/**
Cuts a Dockerfile into instructions, one at a time, by BuildKit's rules for comments, parser directives, continued lines and heredocs.

Iterating throws a `DockerfileError`: `ERR_TSBUILD_DOCKERFILE_SYNTAX` for a wrong directive, a heredoc without its end, and a file without instructions; `ERR_TSBUILD_DOCKERFILE_LIMIT` for a line that is too long. The time is linear in the size of the file.

@yields the instructions from top to bottom
@see https://docs.docker.com/reference/dockerfile/#format
*/
export function * scanDockerfile(source: DockerfileSource): Generator<LogicalLine, void> {
	const scanner = new Scanner(source);
	let hasInstructions = false;
	for (let line = scanner.next(); line !== undefined; line = scanner.next()) {
		hasInstructions = true;
		yield line;
	}

	if (!hasInstructions) {
		throw scanner.noInstructions();
	}
}

class Scanner {
	readonly #file: string;
	readonly #lines: PhysicalLines;
	readonly #directives = new DirectiveReader();
	#comments: string[] = [];
	#hasEmptyContinuation = false;

	constructor({file, content}: DockerfileSource) {
		this.#file = file;
		this.#lines = new PhysicalLines(content);
	}

	#readInstruction(firstLine: string): LogicalLine {
		const startLine = this.#lines.number;
		this.#hasEmptyContinuation = false;
		const text = this.#readContinued(firstLine);
		const emptyContinuation = this.#hasEmptyContinuation ? {emptyContinuation: this.#lines.number} : {};
		const heredocs = this.#readHeredocs(text, startLine);
		return {
			text, location: this.#locate(startLine), comments: this.#takeComments(), heredocs, escape: this.#directives.escape, ...emptyContinuation,
		};
	}

	/** Joins the lines that an escape character at their end continues. Comments and empty lines in between fall out. */
	#readContinued(firstLine: string): string {
		const parts: string[] = [];
		let line: string | undefined = firstLine;
		while (line !== undefined) {
			const continued = withoutContinuation(line, this.#directives.escape);
			parts.push(continued ?? line);
			line = continued === undefined ? undefined : this.#readContinuation();
		}

		return parts.join('');
	}

	#readContinuation(): string | undefined {
		for (let line = this.#read(); line !== undefined; line = this.#read()) {
			const start = trimLeadingWhitespace(withoutLineEnd(line));
			if (start !== '' && !start.startsWith('#')) {
				return withoutLineEnd(line);
			}

			this.#hasEmptyContinuation ||= start === '';
		}

		return undefined;
	}

	#readHeredocs(text: string, startLine: number): readonly Heredoc[] {
		return findHeredocs(text).map(word => ({...word, content: this.#readHeredocBody(word, startLine)}));
	}

	#readHeredocBody({name, removesTabs}: HeredocWord, startLine: number): string {
		const body: string[] = [];
		for (let line = this.#read(); line !== undefined; line = this.#read()) {
			const end = withoutLineEnd(line);
			if ((removesTabs ? trimLeadingTabs(end) : end) === name) {
				return body.join('');
			}

			body.push(line);
		}

		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'unterminated heredoc', {locations: [this.#locate(startLine)]});
	}

	#isDirective(text: string): boolean {
		try {
			return this.#directives.read(text);
		} catch (error) {
			// BuildKit shows the line above: it has not yet counted this one.
			const previousLine = this.#lines.number - 1;
			throw error instanceof DockerfileError && previousLine > 0 ? rewriteError(error, error.message, [this.#locate(previousLine, previousLine)]) : error;
		}
	}

	#addComment(text: string): void {
		const comment = trimWhitespace(text.slice(1));
		if (comment === '') {
			this.#comments = [];
		} else {
			this.#comments.push(comment);
		}
	}

	#takeComments(): readonly string[] {
		const comments = this.#comments;
		this.#comments = [];
		return comments;
	}

	#read(): string | undefined {
		return atLocation(this.#locate(this.#lines.number + 1), () => this.#lines.read());
	}

	#locate(startLine: number, endLine = Math.max(startLine, this.#lines.number)): SourceLocation {
		return {file: this.#file, startLine, endLine};
	}

	/** The next instruction; comments and blank lines before it are passed. */
	next(): LogicalLine | undefined {
		for (let line = this.#read(); line !== undefined; line = this.#read()) {
			const text = trimLeadingWhitespace(withoutLineEnd(line));
			if (this.#isDirective(text)) {
				continue;
			}

			if (text.startsWith('#')) {
				this.#addComment(text);
			} else if (text !== '') {
				return this.#readInstruction(text);
			}
		}

		return undefined;
	}

	noInstructions(): DockerfileError {
		return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'file with no instructions', {
			locations: this.#lines.number === 0 ? [] : [this.#locate(this.#lines.number)],
		});
	}
}

function withoutLineEnd(line: string): string {
	return trimTrailing(line, '\r\n');
}

/** The line without the escape character at its end; `undefined` when the line ends here. An escaped escape character continues nothing. */
function withoutContinuation(line: string, escape: EscapeCharacter): string | undefined {
	const trimmed = trimTrailing(line, ' \t');
	const isContinued = trimmed.endsWith(escape) && trimmed.at(-2) !== escape;
	return isContinued ? trimmed.slice(0, -1) : undefined;
}
