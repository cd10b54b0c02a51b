/** What of a file is another than before. Values are as they are shown. */
export type FileAspect = {
	readonly aspect: 'attributes' | 'content' | 'mode' | 'owner' | 'target' | 'type';
	readonly before?: string;
	readonly after?: string;
};

/** A file that an earlier step took differently, or not at all. */
export type FileChange = {
	/** In the input, without slashes around it; `.` for the input itself. */
	readonly path: string;
	readonly change: 'added' | 'changed' | 'removed';
	/** Of a changed one. */
	readonly aspects: readonly FileAspect[];
};

/** Why the result of a step was not found in the cache. */
export type ExecutionReason =
	/** `--no-cache` or `--no-cache-filter` wants it so. */
	| {readonly kind: 'cache-ignored'}
	/** It was found, but what it consists of is not in the store any more. */
	| {readonly kind: 'result-lost'}
	/** The result of such a step is never kept. */
	| {readonly kind: 'uncacheable'}
	/** There is no earlier result to compare with. */
	| {readonly kind: 'first'}
	/** There is an earlier result, and all that is known of it is the same. */
	| {readonly kind: 'no-difference'}
	/** It builds on a step that was executed itself. */
	| {readonly kind: 'input-executed'; readonly step: string}
	/** It builds on another result than the nearest earlier one did. */
	| {readonly kind: 'input-changed'; readonly before: string; readonly after: string}
	/** A part of the step, such as its command or a variable. Values that could be secrets, and long ones, are not told. */
	| {readonly kind: 'part'; readonly part: string; readonly change: 'added' | 'changed' | 'removed'; readonly before?: string; readonly after?: string}
	/** Files that it takes: of a step, or of the build context when there is none. `others` is how many more there are. */
	| {readonly kind: 'files'; readonly step?: string; readonly files: readonly FileChange[]; readonly others: number};
