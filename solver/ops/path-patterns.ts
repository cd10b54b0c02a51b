import path from 'node:path';
import {TsbuildError, errorMessage} from '../../src/kernel/errors.ts';
import {Glob} from './glob.ts';

/** What a list of patterns says of one path. What it says of the paths below depends on it. */
export type PatternMatch = {
	readonly isMatch: boolean;
	/** Which patterns match the path itself or a directory above it. */
	readonly each: readonly boolean[];
};

type Pattern = {
	readonly isException: boolean;
	readonly glob: Glob;
};

/**
Patterns in the manner of .dockerignore: the last one that matches a path, or a directory above it, decides; one that begins with `!` takes the path out again.

Paths are relative, with slashes between their parts. So a pattern that begins with a slash or leads up matches nothing.

@see https://docs.docker.com/build/concepts/context/#syntax
@see https://pkg.go.dev/github.com/moby/patternmatcher
*/
export class PathPatterns {
	readonly #patterns: readonly Pattern[];

	/**
	Reads patterns.

	@param patterns - empty ones are left out
	@param kind - names them in errors, such as `excludepatterns`
	@throws {TsbuildError} `ERR_TSBUILD_PATTERN`
	*/
	constructor(patterns: readonly string[], kind: string) {
		try {
			this.#patterns = patterns.map(pattern => pattern.trim()).filter(pattern => pattern !== '').map(pattern => parsePattern(pattern));
		} catch (error) {
			throw new TsbuildError('ERR_TSBUILD_PATTERN', `invalid ${kind}: [${patterns.join(' ')}]: ${errorMessage(error).replace(/^.*: (?=syntax error)/v, '')}`, {cause: error});
		}
	}

	get isEmpty(): boolean {
		return this.#patterns.length === 0;
	}

	/** What the patterns say of a path, given what they say of the directory that holds it (`undefined` for the uppermost one). */
	match(relativePath: string, parent: PatternMatch | undefined): PatternMatch {
		const each = this.#patterns.map(({glob}, index) => parent?.each[index] === true || glob.matches(relativePath));
		const last = each.lastIndexOf(true);
		return {each, isMatch: last !== -1 && !this.#patterns[last]!.isException};
	}

	/** What the patterns say of a path, whatever is known of its parents. */
	matchWithParents(relativePath: string): PatternMatch {
		const parts = relativePath.split('/');
		let match: PatternMatch | undefined;
		for (const index of parts.keys()) {
			match = this.match(parts.slice(0, index + 1).join('/'), match);
		}

		return match!;
	}

	/** Whether something below a directory may be judged otherwise than the directory itself. If not, nobody has to look. */
	canChangeBelow(relativePath: string, {isMatch}: PatternMatch): boolean {
		return this.#patterns.some(({isException, glob}) => isException === isMatch && glob.mayMatchFrom(`${relativePath}/`));
	}
}

function parsePattern(pattern: string): Pattern {
	const clean = path.posix.normalize(pattern).replace(/(?<=.)\/$/v, '');
	const isException = clean.startsWith('!');
	if (clean === '!') {
		throw new TsbuildError('ERR_TSBUILD_PATTERN', 'illegal exclusion pattern: "!"');
	}

	return {isException, glob: new Glob(isException ? clean.slice(1) : clean, {allowsDoubleStar: true})};
}
