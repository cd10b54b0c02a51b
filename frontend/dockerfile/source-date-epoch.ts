import {DockerfileError} from './errors.ts';

// Seconds, as Go's `strconv.ParseInt` takes them.
const seconds = /^[+\-]?\d+$/v;

// What RFC 3339 can write: the years 0 to 9999.
const earliest = -62_167_219_200;
const latest = 253_402_300_799;

/**
The time that a build takes as the present, in RFC 3339: the seconds since 1970 in the build argument `SOURCE_DATE_EPOCH`. `context` stands for that of a remote context, and nothing for a directory.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` for anything else
@see https://reproducible-builds.org/specs/source-date-epoch/
@see https://docs.docker.com/build/ci/github-actions/reproducible-builds/
*/
export function readSourceDateEpoch(buildArgs: ReadonlyMap<string, string>): string | undefined {
	const value = buildArgs.get('SOURCE_DATE_EPOCH') ?? '';
	if (value === '' || value === 'context') {
		return undefined;
	}

	const epoch = Number(value);
	if (!seconds.test(value) || epoch < earliest || epoch > latest) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid SOURCE_DATE_EPOCH: ${value}`, {
			hint: 'It is a number of seconds since 1970, such as that of the last commit: $(git log -1 --pretty=%ct).',
		});
	}

	return `${new Date(epoch * 1000).toISOString().slice(0, -'.000Z'.length)}Z`;
}
