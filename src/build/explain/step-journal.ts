import {newestRecord} from '../../../snapshotter/step-facts.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {Journal, JournalEntry} from '../../../solver/journal.ts';
import type {StoredProject} from './step-facts.ts';

/**
Keeps in the store what the keys of a build's results are made of, so that a later build can tell what has changed.

A build that executes nothing neither loads nor does anything for it.
*/
export class StepJournal implements Journal<BuildResult> {
	readonly #options: StoredProject;
	readonly #entries: Array<JournalEntry<BuildResult>> = [];
	/** The newest record that was there before. */
	#newestEarlier = 0;

	readonly begin = (entry: JournalEntry<BuildResult>): void => {
		if (this.#entries.length === 0) {
			this.#newestEarlier = newestRecord(this.#options.metadata);
		}

		this.#entries.push(entry);
	};

	readonly recorded = async (entry: JournalEntry<BuildResult>): Promise<void> => {
		const {keepFacts} = await import('./keep-facts.ts');
		await keepFacts(entry, this.#options);
	};

	constructor(options: StoredProject) {
		this.#options = options;
	}

	/** All that was executed so far, in the order of the steps. */
	get entries(): ReadonlyArray<JournalEntry<BuildResult>> {
		const places = new Map(this.#options.definition.vertexes.keys().map((digest, index) => [digest, index]));
		return this.#entries.toSorted((left, right) => places.get(left.vertex.digest)! - places.get(right.vertex.digest)!);
	}

	/** The newest record of the builds before this one. */
	get newestEarlier(): number {
		return this.#newestEarlier;
	}
}
