import {hasListing, insertListing, insertStepFacts} from '../../../snapshotter/step-facts.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry} from '../../../solver/journal.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import {factsOf, namesOf, type StoredProject} from './step-facts.ts';

/** Keeps what a result was made of, with its record and as long as that. */
export async function keepFacts(entry: JournalEntry<BuildResult>, options: StoredProject): Promise<void> {
	const {metadata} = options;
	const contents = entry.inputs.filter(({content}) => content !== undefined);
	insertStepFacts(metadata, {
		key: entry.key!,
		names: namesOf(entry, options),
		facts: canonicalJson(factsOf(entry, options)),
		contents: contents.map(({content}) => content!),
	});
	for (const {content, describeContent} of contents) {
		if (describeContent !== undefined && !hasListing(metadata, content!)) {
			insertListing(metadata, content!, await describeContent());
		}
	}
}
