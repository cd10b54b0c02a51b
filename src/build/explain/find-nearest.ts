import {findStepFacts, type StepFactsRow} from '../../../snapshotter/step-facts.ts';
import type {Metadata} from '../../../snapshotter/metadata.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry} from '../../../solver/journal.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import {namesOf, type Project, type StepFacts} from './step-facts.ts';

/** Where to look for earlier steps. */
export type EarlierSteps = Project & {
	readonly metadata: Metadata;
	/** The newest record that counts. */
	readonly until: number;
	/** Of all steps of this build: an earlier step that is still there is not another one's past. */
	readonly titles: ReadonlySet<string>;
};

type Candidate = {
	readonly row: StepFactsRow;
	readonly facts: StepFacts;
	readonly differences: number;
};

/**
The earlier step that a step is to be compared with: the one most like it, of several such the newest.

1. What was done in the same place with the same title, or else in any place on the same root.
2. What was last done in the same place on the same root, or else as the step of the same number: it was edited, unless it is still there and the new one was put before it.
*/
export function findNearest(entry: JournalEntry<BuildResult>, facts: StepFacts, earlier: EarlierSteps): StepFacts | undefined {
	const candidates = findStepFacts(earlier.metadata, namesOf(entry, earlier), earlier).map(row => toCandidate(row, facts));
	const same = candidates.filter(({row}) => row.isSameTitle);
	const edited = candidates.filter(candidate => candidate.row.isSamePlace && !candidate.row.isSameTitle && candidate.facts.kind === facts.kind);
	const choices = [
		same.filter(({row}) => row.isSamePlace),
		same.filter(({row}) => row.isSameRoot),
		unlessStillThere(edited.filter(({row}) => row.isSameRoot), earlier),
		unlessStillThere(edited.filter(candidate => candidate.facts.ordinal === facts.ordinal), earlier),
	];
	return nearestOf(choices.find(choice => choice.length > 0) ?? [])?.facts;
}

function toCandidate(row: StepFactsRow, facts: StepFacts): Candidate {
	const earlier = JSON.parse(row.facts) as StepFacts;
	return {row, facts: earlier, differences: countDifferences(earlier, facts)};
}

function unlessStillThere(candidates: readonly Candidate[], {titles}: EarlierSteps): readonly Candidate[] {
	const [newest] = candidates;
	return newest === undefined || titles.has(newest.facts.title) ? [] : [newest];
}

function nearestOf(candidates: readonly Candidate[]): Candidate | undefined {
	return candidates.toSorted((left, right) => left.differences - right.differences)[0];
}

function countDifferences(earlier: StepFacts, facts: StepFacts): number {
	const names = new Set([...Object.keys(earlier.parts), ...Object.keys(facts.parts)]);
	const parts = [...names].filter(name => canonicalJson(earlier.parts[name] ?? null) !== canonicalJson(facts.parts[name] ?? null));
	const inputs = facts.inputs.filter(({key, content}, index) => earlier.inputs[index]?.key !== key || earlier.inputs[index]?.content !== content);
	return parts.length + inputs.length;
}
