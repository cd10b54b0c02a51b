import {PathPatterns} from './path-patterns.ts';

/**
Whether the patterns of a `.dockerignore` leave a path out, for certain: where one brings paths back (`!`), nothing is said, because a directory that is left out may still have files that are not.

Paths are relative to the context and clean.

@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for a pattern that is none
*/
export function ignoreRule(patterns: readonly string[]): (path: string) => boolean {
	const rule = new PathPatterns(patterns, 'excludepatterns');
	const hasExceptions = patterns.some(pattern => pattern.startsWith('!'));
	return path => !hasExceptions && rule.matchWithParents(path).isMatch;
}
