import {posix} from 'node:path';
import {readCheckArgument} from '../../frontend/dockerfile/check/settings.ts';
import type {CheckWarning} from '../../frontend/dockerfile/check-warning.ts';
import type {ConvertOptions, DockerfileResult} from '../../frontend/dockerfile/convert.ts';
import {DockerfileError} from '../../frontend/dockerfile/errors.ts';
import {readOutline, type Outline} from '../../frontend/dockerfile/outline.ts';
import {checkSyntax} from '../../frontend/dockerfile/syntax.ts';
import {listTargets, type Target} from '../../frontend/dockerfile/targets.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import {BuildError, isFaultOfCall} from '../build-error.ts';
import {convertContext, imageLookup} from '../build.ts';
import type {BuildFile} from '../context/build-files.ts';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {SourceLocation} from '../kernel/source-location.ts';
import {openLocalStore} from '../local-store.ts';
import type {BuildOptions} from './build-options.ts';
import {openBuildFiles, type BuildFiles} from './build-files.ts';
import {NamedContexts} from './named-contexts.ts';
import type {BuildStep} from './solve-definition.ts';

/** What the checks found. */
export type CheckResult = {
	/** In the order in which they were found; equal ones once. */
	readonly warnings: readonly CheckWarning[];
	/** Why the file cannot be built. */
	readonly problem?: {readonly message: string; readonly locations: readonly SourceLocation[]};
};

/** What there is to say about a Dockerfile. */
export type CallResult = {readonly file: BuildFile} & (
	| {readonly type: 'check'; readonly check: CheckResult}
	| {readonly type: 'outline'; readonly outline: Outline}
	| {readonly type: 'targets'; readonly targets: readonly Target[]}
	| {readonly type: 'methods'}
);

/**
Answers a question about a Dockerfile instead of building it: `check` (or `lint`), `outline`, `targets`, or `subrequests.describe`, which tells these.

@throws {BuildError} when the question cannot be answered, or is none; what `buildImage` throws before a build; the reason of `signal`
*/
export async function callDockerfile(method: string, options: BuildOptions): Promise<CallResult> {
	await using store = await openLocalStore(options.root);
	const step = {options, store, layers: new LayerStore(store)};
	try {
		readCheckArgument(options.buildArgs);
		await using files = await openBuildFiles(step);
		const file = await files.loadDockerfile();
		requireDockerfile(file, options.buildArgs);
		return await answer(method, file, {...step, files});
	} catch (error) {
		options.signal.throwIfAborted();
		throw isFaultOfCall(error) ? error : asBuildError(error, []);
	}
}

/** As with BuildKit, no excerpt is shown of a file that cannot be described, unless it is for another frontend. */
function requireDockerfile({name, content}: BuildFile, buildArgs: ReadonlyMap<string, string>): void {
	try {
		checkSyntax({file: name, content}, buildArgs);
	} catch (error) {
		const text = new TextDecoder('utf-8', {ignoreBOM: true}).decode(content);
		throw asBuildError(error, locationsOf(error).map(location => ({location, text})));
	}
}

function asBuildError(error: unknown, sources: BuildError['sources']): BuildError {
	return error instanceof BuildError ? error : new BuildError(`failed to solve: ${errorMessage(error)}`, {cause: error, sources});
}

function locationsOf(error: unknown): readonly SourceLocation[] {
	return error instanceof DockerfileError ? error.locations : [];
}

type CallContext = BuildStep & {readonly files: BuildFiles};

async function answer(method: string, file: BuildFile, call: CallContext): Promise<CallResult> {
	switch (method) {
		case 'check':
		case 'lint': {
			return {type: 'check', file, check: await check(file, call)};
		}

		case 'outline': {
			return {type: 'outline', file, outline: await outline(file, call)};
		}

		case 'targets': {
			return {type: 'targets', file, targets: listTargets({file: file.name, content: file.content})};
		}

		case 'subrequests.describe': {
			return {type: 'methods', file};
		}

		default: {
			const message = `unsupported request frontend.${method}`;
			const cause = new TsbuildError('ERR_TSBUILD_REQUEST', `${message}: ${message}`, {hint: 'The methods are build, check, outline, targets and subrequests.describe.'});
			throw asBuildError(cause, []);
		}
	}
}

/** Without a target all stages are checked. */
async function check(file: BuildFile, call: CallContext): Promise<CheckResult> {
	const found = new Map<string, CheckWarning>();
	const warn = (warning: CheckWarning) => {
		const key = JSON.stringify([warning.detail, warning.location.startLine]);
		found.set(key, found.get(key) ?? warning);
	};

	const changes = {warn, allStages: call.options.target === undefined};
	const problem = await findProblem(async () => convert(file, call, changes), call.options.signal);
	return {warnings: found.values().toArray(), ...(problem && {problem})};
}

async function findProblem(action: () => Promise<unknown>, signal: AbortSignal): Promise<CheckResult['problem']> {
	try {
		await action();
		return undefined;
	} catch (error) {
		signal.throwIfAborted();
		if (!(error instanceof TsbuildError)) {
			throw error;
		}

		return {message: error.message, locations: locationsOf(error)};
	}
}

async function outline(file: BuildFile, call: CallContext): Promise<Outline> {
	const {record} = await convert(file, call, {});
	return readOutline(record);
}

async function convert(file: BuildFile, {files, ...step}: CallContext, changes: Pick<ConvertOptions, 'allStages' | 'warn'>): Promise<DockerfileResult> {
	const lookup = imageLookup(step);
	await using contexts = new NamedContexts(step, lookup);
	const ignoreFile = async () => files.loadIgnorePatterns(file);
	return await convertContext(file, {
		options: step.options, lookup, files, contexts, ignoreFile,
	}, changes);
}

/** The Dockerfile as buildx names it in front of excerpts. */
export function dockerfilePath({context, dockerfile}: Pick<BuildOptions, 'context' | 'dockerfile'>): string {
	if (dockerfile === undefined) {
		return context.type === 'directory' ? posix.join(context.path, 'Dockerfile') : 'Dockerfile';
	}

	return dockerfile.type === 'path' ? dockerfile.path : 'Dockerfile';
}
