import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {Checker} from './check/checker.ts';
import {describe} from './outline.ts';
import {parseDockerfile} from './parse.ts';
import {readDockerfile} from './read-dockerfile.ts';
import type {DockerfileSource} from './scan.ts';

/** A stage that can be built. */
export type Target = {
	/** Empty without one. */
	readonly name: string;
	/** What the comment above it says; empty without one. */
	readonly description: string;
	/** The one that is built when none is asked for. */
	readonly isDefault: boolean;
	/** What it begins with, as written. */
	readonly base: string;
	/** As written. */
	readonly platform?: string;
	readonly location: SourceLocation;
};

/**
The stages of a Dockerfile, in order.

@throws {DockerfileError} as `parseDockerfile` and `readDockerfile`
*/
export function listTargets(source: DockerfileSource): readonly Target[] {
	const checker = new Checker({skipped: 'all', experimental: new Set(), isError: false}, () => undefined);
	const {stages} = readDockerfile(parseDockerfile(source), checker);
	return stages.map(({from: {stageName, comments, baseName, platform, location}}, index) => ({
		name: stageName,
		description: describe(comments, stageName),
		isDefault: index === stages.length - 1,
		base: baseName,
		...(platform !== undefined && {platform}),
		location,
	}));
}
