import type {Platform} from '../../src/kernel/platform.ts';
import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {contextName, parseBaseName, scratchName} from './base-name.ts';
import {atLocation, DockerfileError} from './errors.ts';
import {expandWord} from './expand.ts';
import {WorkBudget} from './work-budget.ts';

/** An image that a stage begins with or copies from. */
export type ImageSource = {
	readonly type: 'image';
	/** The full reference. */
	readonly reference: string;
	/** As in the Dockerfile, with variables expanded. */
	readonly written: string;
	/** The named context that takes the image's place. */
	readonly namedContext?: string;
	readonly platform: Platform;
	readonly location: SourceLocation;
};

/** Where files come from: nothing, another stage (by its place in the file), or an image. */
export type StageSource = ImageSource | {readonly type: 'scratch'} | {readonly type: 'stage'; readonly index: number};

/** What names can mean. */
export type SourceNames = {
	/** The stages' places by their names; of equal names the last. */
	readonly numbers: ReadonlyMap<string, number>;
	readonly stageCount: number;
	/** The named contexts as they were given, by their shortest form. */
	readonly contexts: ReadonlyMap<string, string>;
	/** Of images that are copied from. */
	readonly platform: Platform;
};

/** Where a name stands, and for which platform an image is wanted there. */
export type SourcePlace = {readonly location: SourceLocation; readonly platform: Platform};

// A build context or an empty file system cannot be replaced by a named context.
const reservedNames: ReadonlySet<string> = new Set(['context', scratchName]);

/** Prepares the look-up of names. `numbers` may grow afterwards. */
export function sourceNames({namedContexts, ...names}: Omit<SourceNames, 'contexts'> & {readonly namedContexts: ReadonlySet<string>}): SourceNames {
	return {...names, contexts: new Map([...namedContexts].map(name => [contextName(name), name]))};
}

/**
What a stage begins with: an earlier stage, nothing, a named context, or an image, in this order.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` when the name is no image reference
*/
export function findBase(name: string, place: SourcePlace, names: SourceNames): StageSource {
	const index = names.numbers.get(name.toLowerCase());
	if (index !== undefined) {
		return {type: 'stage', index};
	}

	return name === scratchName
		? {type: 'scratch'}
		: findNamedContext(name, place, names) ?? {
			type: 'image', reference: parseBaseName(name), written: name, ...place,
		};
}

/** The named context of that name, if any. */
export function findNamedContext(name: string, {location, platform}: SourcePlace, {contexts}: SourceNames): ImageSource | undefined {
	const namedContext = name === '' || reservedNames.has(name) ? undefined : contexts.get(contextName(name));
	return namedContext === undefined
		? undefined
		: {
			type: 'image', reference: parseBaseName(name), written: name, namedContext, location, platform,
		};
}

/**
What `--from` names: a stage by its name or number, or what `findBase` finds.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_STAGE` for a variable and for a number without a stage; `ERR_TSBUILD_DOCKERFILE_VALUE` when the name is no image reference
*/
export function findSource(from: string, location: SourceLocation, names: SourceNames): StageSource {
	if (expandWord(from, new Map(), {escape: '\\', budget: new WorkBudget()}).text !== from) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', 'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround');
	}

	if (!/^[+\-]?\d+$/v.test(from)) {
		return atLocation(location, () => findBase(from, {location, platform: names.platform}, names));
	}

	const index = Number(from);
	if (index < 0 || index >= names.stageCount) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', `invalid stage index ${index}`);
	}

	return {type: 'stage', index};
}
