import type {SourceLocation} from '../../src/kernel/source-location.ts';

/**
What a check of the Dockerfile found.

@see https://docs.docker.com/reference/build-checks/
*/
export type CheckWarning = {
	/** For example `UndefinedVar`. */
	readonly ruleName: string;
	/** What the rule is about. */
	readonly description: string;
	readonly url?: string;
	/** What is wrong here. */
	readonly detail: string;
	readonly location: SourceLocation;
};
