import {Buffer} from 'node:buffer';
import {hash} from 'node:crypto';
import type {Metadata} from './metadata.ts';

/** A step that gave a record, as it is found again. */
export type StepFactsRow = {
	readonly record: number;
	/** JSON. */
	readonly facts: string;
	/** Whether it was found in this project, in this place of it, with this title, on this root. */
	readonly isSameProject: boolean;
	readonly isSamePlace: boolean;
	readonly isSameTitle: boolean;
	readonly isSameRoot: boolean;
};

/** How a step is found again. Any texts. */
export type StepNames = {
	readonly project: string;
	readonly stage: string;
	/** What is done. */
	readonly title: string;
	/** What it is done to. */
	readonly root: string | undefined;
};

// Two names with the same beginning would only be compared in vain.
const prefixLength = 8;

// Of the project and of the stage, which together are the place.
const partLength = prefixLength / 2;

// Of one place or title. Older ones are hardly nearer than these.
const maximumRows = 50;

/** The newest record: what comes later has a higher id. */
export function newestRecord(metadata: Metadata): number {
	return metadata.statement('SELECT max(id) AS id FROM cache_records').get()?.id as number | null ?? 0;
}

/** Keeps the facts of the record that a key leads to; nothing happens when it has gone. */
export function insertStepFacts(metadata: Metadata, {key, names, facts, contents}: {
	readonly key: string;
	readonly names: StepNames;
	readonly facts: string;
	/** The digests of what the step takes. */
	readonly contents: readonly string[];
}): void {
	metadata.transaction(() => {
		const record = metadata.statement('SELECT record FROM cache_keys WHERE key = ?').get(key)?.record as number | undefined;
		if (record === undefined) {
			return;
		}

		metadata.statement('INSERT OR IGNORE INTO step_facts (record, place, title, root, facts) VALUES (?, ?, ?, ?, ?)')
			.run(record, placeOf(names), prefixOf(names.title), names.root === undefined ? null : prefixOf(names.root), facts);
		for (const content of contents) {
			metadata.statement('INSERT OR IGNORE INTO step_contents (record, content) VALUES (?, ?)').run(record, content);
		}
	});
}

/** Earlier steps of the same place or title, the newest first. `until` is the newest record that counts. */
export function findStepFacts(metadata: Metadata, {project, stage, title, root}: StepNames, {until}: {readonly until: number}): readonly StepFactsRow[] {
	const rows = metadata.statement(`
		SELECT record, facts, substr(place, 1, ${partLength}) = ?5 AS is_same_project, place = ?1 AS is_same_place,
			title = ?2 AS is_same_title, root IS ?3 AS is_same_root FROM step_facts WHERE record IN (
			SELECT record FROM (SELECT record FROM step_facts WHERE place = ?1 AND record <= ?4 ORDER BY record DESC LIMIT ${maximumRows})
			UNION SELECT record FROM (SELECT record FROM step_facts WHERE title = ?2 AND record <= ?4 ORDER BY record DESC LIMIT ${maximumRows})
		) ORDER BY record DESC
	`).all(placeOf({project, stage}), prefixOf(title), root === undefined ? null : prefixOf(root), until, placeOf({project, stage}).subarray(0, partLength));
	return rows.map(row => ({
		record: row.record as number,
		facts: row.facts as string,
		isSameProject: row.is_same_project === 1,
		isSamePlace: row.is_same_place === 1,
		isSameTitle: row.is_same_title === 1,
		isSameRoot: row.is_same_root === 1,
	}));
}

/** Whether the files of a content are kept. */
export function hasListing(metadata: Metadata, content: string): boolean {
	return metadata.statement('SELECT 1 FROM content_listings WHERE content = ?').get(content) !== undefined;
}

/** The files of a content, as they were kept. */
export function findListing(metadata: Metadata, content: string): Uint8Array | undefined {
	return metadata.statement('SELECT listing FROM content_listings WHERE content = ?').get(content)?.listing as Uint8Array | undefined;
}

/** Keeps the files of a content as long as a step that takes it. */
export function insertListing(metadata: Metadata, content: string, listing: Uint8Array): void {
	metadata.transaction(() => {
		metadata.statement('INSERT OR IGNORE INTO content_listings (content, listing) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM step_contents WHERE content = ?1)').run(content, listing);
	});
}

function placeOf({project, stage}: Pick<StepNames, 'project' | 'stage'>): Uint8Array {
	return Buffer.concat([project, stage].map(part => prefixOf(part).subarray(0, partLength)));
}

function prefixOf(text: string): Uint8Array {
	return hash('sha256', text, 'buffer').subarray(0, prefixLength);
}
