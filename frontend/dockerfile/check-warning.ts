import type {Digest} from '../../src/kernel/digest.ts';
import type {WarningEvent} from '../../src/kernel/progress-event.ts';
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

/** The warning as the progress shows it, as one of a vertex; `content` is the Dockerfile. */
export function warningEvent({ruleName, description, url, detail, location}: CheckWarning, vertex: Digest, content: Uint8Array): WarningEvent {
	const {file, startLine, endLine} = location;
	return {
		type: 'warning',
		vertex,
		short: `${ruleName}: ${detail} (line ${startLine})`,
		detail: [description],
		...(url !== undefined && {url}),
		file,
		content,
		lines: [{start: startLine, end: endLine}],
	};
}
