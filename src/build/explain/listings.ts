import {findListing} from '../../../snapshotter/step-facts.ts';
import type {Metadata} from '../../../snapshotter/metadata.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalInput} from '../../../solver/journal.ts';
import type {FileChange} from '../../kernel/execution-reason.ts';
import {compareListings} from './compare-listings.ts';

/** What is known of the files of contents: those that are kept, and those of steps that failed. */
export class Listings {
	readonly #metadata: Metadata;
	readonly #described = new Map<string, Promise<Uint8Array>>();

	constructor(metadata: Metadata) {
		this.#metadata = metadata;
	}

	async #current({content, describeContent}: JournalInput<BuildResult>): Promise<Uint8Array | undefined> {
		const kept = findListing(this.#metadata, content ?? '');
		if (kept !== undefined || content === undefined || describeContent === undefined) {
			return kept;
		}

		const described = this.#described.get(content) ?? describeContent();
		this.#described.set(content, described);
		return described;
	}

	/** How the files of an input differ from an earlier content; `undefined` when that is not known. */
	async compare(before: string | undefined, input: JournalInput<BuildResult>): Promise<readonly FileChange[] | undefined> {
		const old = findListing(this.#metadata, before ?? '');
		const current = await this.#current(input);
		return old === undefined || current === undefined ? undefined : compareListings(old, current);
	}
}
