import type {Verdict} from '../../snapshotter/tree-hash.ts';
import {PathPatterns, type PatternMatch} from './path-patterns.ts';

/** What decides which files below a source are taken. */
export type FilterOptions = {
	/** Empty for everything. Relative to the source. */
	readonly include: readonly string[];
	/** Relative to the source. */
	readonly exclude: readonly string[];
	/** Relative to the root of the tree. */
	readonly ignore: PathPatterns;
	/** Where the source is in the tree, without slashes around it. */
	readonly prefix: string;
};

/** Says of a path below the source, with slashes between its parts, whether it is taken. */
export type SourceFilter = (relativePath: string, isDirectory: boolean) => Verdict;

/**
Makes the filter of a source; `undefined` when all of it is taken.

A directory that is not taken itself is a `passage` as long as something in it may be.

@throws {TsbuildError} `ERR_TSBUILD_PATTERN`
*/
export function createSourceFilter({include, exclude, ignore, prefix}: FilterOptions): SourceFilter | undefined {
	const included = new PathPatterns(include, 'includepatterns');
	const excluded = new PathPatterns(exclude, 'excludepatterns');
	if (included.isEmpty && excluded.isEmpty && ignore.isEmpty) {
		return undefined;
	}

	const judgeIncluded = createJudge(included, {meansIncluded: true});
	const judgeExcluded = createJudge(excluded, {meansIncluded: false});
	const judgeIgnored = createJudge(ignore, {meansIncluded: false});
	return (relativePath, isDirectory) => {
		const path = prefix === '' ? relativePath : `${prefix}/${relativePath}`;
		const verdicts = new Set([
			included.isEmpty ? 'included' : judgeIncluded(relativePath),
			judgeExcluded(relativePath),
			judgeIgnored(path),
		]);
		if (verdicts.has('excluded') || (!isDirectory && verdicts.has('passage'))) {
			return 'excluded';
		}

		return verdicts.has('passage') ? 'passage' : 'included';
	};
}

function createJudge(patterns: PathPatterns, {meansIncluded}: {readonly meansIncluded: boolean}): (path: string) => Verdict {
	const matchIn = matcher(patterns);
	return path => {
		const match = matchIn(path);
		if (match.isMatch === meansIncluded) {
			return 'included';
		}

		return patterns.canChangeBelow(path, match) ? 'passage' : 'excluded';
	};
}

/** Matches paths one after the other, and each directory that holds some of them once. */
function matcher(patterns: PathPatterns): (path: string) => PatternMatch {
	const directories = new Map<string, PatternMatch>();
	const matchDirectory = (path: string): PatternMatch => {
		const match = directories.get(path) ?? matchPath(path);
		directories.set(path, match);
		return match;
	};

	const matchPath = (path: string): PatternMatch => {
		const slash = path.lastIndexOf('/');
		return patterns.match(path, slash === -1 ? undefined : matchDirectory(path.slice(0, slash)));
	};

	return matchPath;
}
