import {DockerfileError} from './errors.ts';
import {trimWhitespace} from './whitespace.ts';

/** The character that escapes others and continues lines. */
export type EscapeCharacter = '\\' | '`';

const directiveNames: ReadonlySet<string> = new Set(['check', 'escape', 'syntax']);

/**
Reads the parser directives (`# escape=...`) at the top of a Dockerfile.

The first line that is no directive ends them: a blank line, an instruction, any other comment, a directive with an unknown name.

@see https://docs.docker.com/reference/dockerfile/#parser-directives
*/
export class DirectiveReader {
	readonly #values = new Map<string, string>();
	#isDone = false;

	/** The escape character, as far as it has been read. */
	get escape(): EscapeCharacter {
		return this.#values.get('escape') === '`' ? '`' : '\\';
	}

	/**
	Looks at the next line, without white space at its start.

	@returns whether it is a directive
	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for a directive that comes twice, and for an escape character that is none
	*/
	read(line: string): boolean {
		const directive = this.#isDone ? undefined : parseDirective(line);
		if (directive === undefined) {
			this.#isDone = true;
			return false;
		}

		const {name, value} = directive;
		if (this.#values.has(name)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `only one ${name} parser directive can be used`);
		}

		if (name === 'escape' && value !== '\\' && value !== '`') {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `invalid escape token '${value}' does not match \` or \\`);
		}

		this.#values.set(name, value);
		return true;
	}
}

/** Reads a comment as a directive; `undefined` when it is none. The name is in lower case. */
export function parseDirective(line: string): {readonly name: string; readonly value: string} | undefined {
	const separator = line.indexOf('=');
	if (separator === -1 || !line.startsWith('#')) {
		return undefined;
	}

	const name = trimWhitespace(line.slice(1, separator)).toLowerCase();
	const value = trimWhitespace(line.slice(separator + 1));
	return value !== '' && directiveNames.has(name) ? {name, value} : undefined;
}
