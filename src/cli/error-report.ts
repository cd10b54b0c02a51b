import {BuildError} from '../build-error.ts';
import {explainDiskFailure} from '../kernel/disk-failure.ts';
import {
	errorCode,
	errorMessage,
	firstError,
	TsbuildError,
} from '../kernel/errors.ts';
import {formatSourceExcerpt} from './source-excerpt.ts';

/**
What a failed command prints last: the excerpt of the Dockerfile if the failure belongs to a place there, the line `ERROR: ...` in the words of buildx, and a hint.
*/
export function formatError(thrown: unknown, {isBuild}: {readonly isBuild: boolean}): string {
	const error = firstError(thrown);
	const excerpts = error instanceof BuildError ? error.sources.map(({location, text}) => formatSourceExcerpt(location, text)) : [];
	const hint = findHint(error);
	return `${excerpts.join('')}ERROR: ${isBuild ? prefixOf(error) : ''}${errorMessage(error)}\n${hint === undefined ? '' : `${hint}\n`}`;
}

// What is no failure of the build itself.
const otherFailures: ReadonlySet<string | undefined> = new Set(['ERR_TSBUILD_USAGE', 'ERR_TSBUILD_RESULT_FILE']);

function prefixOf(error: unknown): string {
	return otherFailures.has(errorCode(error)) ? '' : 'failed to build: ';
}

/** The hint of the innermost error that has one: it knows most. Of a system error that nobody has explained, what it says of the disk. */
function findHint(error: unknown): string | undefined {
	let hint: string | undefined;
	let diskFailure: string | undefined;
	for (let current = error; current instanceof Error; current = firstError(current.cause)) {
		hint = current instanceof TsbuildError ? current.hint ?? hint : hint;
		diskFailure = explainDiskFailure(current) ?? diskFailure;
	}

	return hint ?? diskFailure;
}
