import type {Buffer} from 'node:buffer';
import type {BigIntStats} from 'node:fs';
import {posix} from 'node:path';
import {displayName} from '../../src/linux/name.ts';
import type {SourceTree} from './source-tree.ts';

/** Takes the path of a file, from the root of its tree, that is not what it was when it was digested. */
export type OnChangedSource = (path: string) => void;

/** Looks at a file of a source by its path below that; `undefined` when it has gone since its directory was listed. */
export type SourceVisitor = (relativePath: string, status: BigIntStats | undefined) => void;

// More would hide the rest of the output.
const maximumNames = 5;

/** The files of the client that changed between their digest and their use in one step. */
export class ChangedSources {
	readonly #paths = new Set<string>();
	readonly add: OnChangedSource;

	/**
	Begins without one.

	@param forbidRecord - called when there is one: what the step makes is not what its cache key says
	*/
	constructor(forbidRecord: () => void) {
		this.add = path => {
			forbidRecord();
			this.#paths.add(path);
		};
	}

	/** Tells the user, in one line, when there are any. */
	report(stepName: string, warn: (line: string) => void): void {
		if (this.#paths.size === 0) {
			return;
		}

		const names = this.#paths.values().take(maximumNames).map(path => displayName(path)).toArray();
		const rest = this.#paths.size - names.length;
		warn(`${stepName} is not cached, because this changed during the build: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`);
	}
}

/** A visitor that looks whether the files of a source are what they were when they were digested. */
export function changeDetector({reads}: SourceTree, source: Buffer, onChangedSource: OnChangedSource): SourceVisitor {
	return (relativePath, status) => {
		if (reads === undefined || (status !== undefined && reads.isUnchanged(status))) {
			return;
		}

		const path = posix.relative('/', posix.join(source.toString(), relativePath));
		onChangedSource(path === '' ? '.' : path);
	};
}
