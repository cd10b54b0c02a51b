import {isDeepStrictEqual} from 'node:util';
import type {DockerBuild} from './docker-build.ts';

/** What a Dockerfile came to, without what is only another way to say the same. */
export type Outcome = {
	readonly error: string;
} | {
	readonly config: Readonly<Record<string, unknown>>;
	readonly author: string;
	/** `created_by` of each, the oldest first. */
	readonly history: readonly string[];
};

const fields = ['Env', 'Cmd', 'Entrypoint', 'Labels', 'ExposedPorts', 'Volumes', 'User', 'WorkingDir', 'Shell', 'StopSignal', 'Healthcheck', 'OnBuild'];

/**
Docker's engine writes empty values where the OCI format leaves them out, BuildKit of 2020 begins its messages in upper case and names flags without dashes, prints Go's values in the history as Go did then, and leaves flags out of it.
*/
export function comparable(build: DockerBuild): Outcome {
	if ('error' in build) {
		return {
			error: build.error
				.replace(/ \(did you mean .*\)$/v, '')
				.replace(/^failed to solve with frontend dockerfile\.v0: (?:failed to create LLB definition: )?/v, '')
				.replace('parse error line', 'parse error on line')
				.replace(/(?<=flag: |flag specified: )(?!-)/v, '--')
				.toLowerCase(),
		};
	}

	const {config, author, history} = build;
	return {
		config: Object.fromEntries(fields.flatMap(field => isAbsent(field, config[field]) ? [] : [[field, config[field]]])),
		author,
		history: history.map(({created_by: text = ''}) => text
			.replace(/^EXPOSE map\[(?<ports>.*)\]$/v, (_, ports: string) => `EXPOSE [${ports.replaceAll(':{}', '')}]`)
			.replace(/(?<=^EXPOSE \[).*(?=\]$)/v, ports => ports.split(' ').toSorted().join(' '))
			.replace(/(?<=^(?:COPY|ADD) )(?:--\S+ )+/v, '')
			.replace(/^HEALTHCHECK .*$/sv, 'HEALTHCHECK')),
	};
}

/** An empty command is something else than none: it takes back the one of the base. */
function isAbsent(field: string, value: unknown): boolean {
	return value === undefined || value === null || value === ''
		|| (typeof value === 'object' && Object.keys(value).length === 0 && field !== 'Cmd' && field !== 'Entrypoint');
}

type Explanation = {
	/** As docs/differential.md names it. */
	readonly name: string;
	readonly applies: (ours: Outcome, theirs: Outcome, dockerfile: string) => boolean;
};

const explanations: readonly Explanation[] = [
	{
		name: 'words about ports',
		applies: (ours, theirs) => fails(ours, /port|ip address|proto/v) && fails(theirs, /port|ip address|proto/v),
	},
	{
		name: 'ports with two protocols',
		applies: ours => fails(ours, /invalid proto: .*\//v),
	},
	{
		name: 'modifiers without a colon',
		applies: (ours, theirs) => fails(theirs, /missing ':' in substitution/v) && (!('error' in ours) || fails(ours, /unsupported modifier|bad substitution|not allowed/v)),
	},
	{
		name: 'words about substitutions',
		applies: (ours, theirs) => fails(ours, /failed to process/v) && fails(theirs, /failed to process/v),
	},
	{
		name: 'health checks with zeroes',
		applies: (_, theirs) => fails(theirs, /cannot be less than 1ms|--retries must be at least 1/v),
	},
	{
		name: 'names of stages in any case',
		applies: (_, theirs) => fails(theirs, /failed to parse stage name "base": invalid reference format/v),
	},
	{
		name: 'variables in --from',
		applies: (ours, theirs) => fails(ours, /variable expansion is not supported for --from/v) && 'error' in theirs,
	},
	{
		name: 'words about platforms',
		applies: (ours, theirs) => fails(ours, /empty platform value|failed to parse platform/v) && fails(theirs, /failed to parse platform/v),
	},
	{
		name: 'files',
		applies: (ours, theirs) => !('error' in ours) && fails(theirs, /not found|no such file|failed to compute cache key|cannot copy|not a directory|invalid user index/v),
	},
	{
		name: 'images',
		applies: (_, theirs) => fails(theirs, /failed to do request/v),
	},
	{
		name: 'ARG with several variables',
		applies: (ours, theirs, dockerfile) => /\barg\b/iv.test(dockerfile) && (fails(theirs, /failed to process/v) || (!('error' in ours) && !('error' in theirs))),
	},
];

function fails(outcome: Outcome, pattern: RegExp): boolean {
	return 'error' in outcome && pattern.test(outcome.error);
}

/** The name of the difference between two outcomes: `equal`, `unexplained`, or one that docs/differential.md explains. */
export function explain(ours: Outcome, theirs: Outcome, dockerfile: string): string {
	return isSame(ours, theirs) ? 'equal' : explanations.find(({applies}) => applies(ours, theirs, dockerfile))?.name ?? 'unexplained';
}

/** BuildKit says before some errors what it was doing. */
function isSame(ours: Outcome, theirs: Outcome): boolean {
	return 'error' in ours && 'error' in theirs ? theirs.error.endsWith(ours.error) : isDeepStrictEqual(ours, theirs);
}
