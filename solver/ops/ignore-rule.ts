import {PathPatterns} from './path-patterns.ts';

// Those that leave out whatever there is in the context. Others may match the name `.` without meaning the context: `.*` does.
const catchAllPatterns: ReadonlySet<string> = new Set(['*', '**', '**/*']);

const roots: ReadonlySet<string> = new Set(['.', '/']);

/**
Whether the patterns of a `.dockerignore` leave a path out, for certain: where one brings paths back (`!`), nothing is said, because a directory that is left out may still have files that are not. Of the context itself (`.` or `/`) that is said when nothing of it is left.

Paths are relative to the context and clean.

@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for a pattern that is none
*/
export function ignoreRule(patterns: readonly string[]): (path: string) => boolean {
	const rule = new PathPatterns(patterns, 'excludepatterns');
	const hasExceptions = patterns.some(pattern => pattern.startsWith('!'));
	const isNothingLeft = patterns.some(pattern => catchAllPatterns.has(pattern));
	return path => {
		if (hasExceptions) {
			return false;
		}

		return roots.has(path) ? isNothingLeft : rule.matchWithParents(path).isMatch;
	};
}
