import {findStepFacts, type StepFactsRow} from '../../../snapshotter/step-facts.ts';
import type {Metadata} from '../../../snapshotter/metadata.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry} from '../../../solver/journal.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import type {Listings} from './listings.ts';
import {
	findInput,
	identityOf,
	namesOf,
	type Project,
	type StepFacts,
} from './step-facts.ts';

/** Where to look for earlier steps. */
export type EarlierSteps = Project & {
	readonly metadata: Metadata;
	/** The newest record that counts. */
	readonly until: number;
	/** The `identityOf` all steps of this build: an earlier step that is still there is not another one's past. */
	readonly identities: ReadonlySet<string>;
	readonly listings: Listings;
};

// Each may have many files.
const maximumComparedListings = 8;

/** The step that is to be explained. */
type Compared = {
	readonly entry: JournalEntry<BuildResult>;
	readonly facts: StepFacts;
};

type Candidate = {
	readonly row: StepFactsRow;
	readonly facts: StepFacts;
	readonly differences: number;
};

/**
The earlier step that a step is to be compared with: the one most like it, of several such the newest.

1. What was done in the same place with the same title, or else the same in any place on the same root.
2. What was last done in the same place on the same root, or else as the step of the same number: it was edited, unless it is still there and the new one was put before it.
3. Where nothing was ever done in the place, because a stage got another name or a context another directory, the same done in the same project, or else in any.
*/
export async function findNearest(entry: JournalEntry<BuildResult>, facts: StepFacts, earlier: EarlierSteps): Promise<StepFacts | undefined> {
	const candidates = findStepFacts(earlier.metadata, namesOf(entry, earlier), earlier).map(row => toCandidate(row, facts));
	const identity = identityOf(facts);
	const same = candidates.filter(candidate => candidate.row.isSameTitle && (identityOf(candidate.facts) === identity || !isStillThere(candidate, earlier)));
	const edited = candidates.filter(candidate => candidate.row.isSamePlace && !candidate.row.isSameTitle && candidate.facts.kind === facts.kind);
	const isNewPlace = candidates.every(({row}) => !row.isSamePlace);
	const twins = same.filter(candidate => identityOf(candidate.facts) === identity);
	const choices = [
		same.filter(({row}) => row.isSamePlace),
		twins.filter(({row}) => row.isSameRoot),
		newestOf(edited.filter(({row}) => row.isSameRoot), earlier),
		newestOf(edited.filter(candidate => candidate.facts.ordinal === facts.ordinal), earlier),
		...(isNewPlace ? [twins.filter(({row}) => row.isSameProject), twins] : []),
	];
	return nearestOf(choices.find(choice => choice.length > 0) ?? [], {entry, facts}, earlier);
}

function toCandidate(row: StepFactsRow, facts: StepFacts): Candidate {
	const earlier = JSON.parse(row.facts) as StepFacts;
	return {row, facts: earlier, differences: countDifferences(earlier, facts)};
}

/** What was done most recently, with all that it was done with; nothing when it is still there. */
function newestOf(candidates: readonly Candidate[], earlier: EarlierSteps): readonly Candidate[] {
	const [newest] = candidates;
	return newest === undefined || isStillThere(newest, earlier) ? [] : candidates.filter(({facts}) => facts.title === newest.facts.title);
}

function isStillThere({facts}: Candidate, {identities}: EarlierSteps): boolean {
	return identities.has(identityOf(facts));
}

/** Of those that differ in as few things, files decide. */
async function nearestOf(candidates: readonly Candidate[], {entry, facts}: Compared, {listings}: EarlierSteps): Promise<StepFacts | undefined> {
	const fewest = Math.min(...candidates.map(({differences}) => differences));
	const nearest = candidates.filter(({differences}) => differences === fewest).slice(0, maximumComparedListings);
	if (nearest.length < 2 || entry.inputs.every(({content}) => content === undefined)) {
		return nearest[0]?.facts;
	}

	const counted = await Promise.all(nearest.map(async candidate => ({facts: candidate.facts, files: await countFiles(candidate.facts, {entry, facts}, listings)})));
	return counted.toSorted((left, right) => left.files - right.files)[0]!.facts;
}

async function countFiles(earlier: StepFacts, {entry, facts}: Compared, listings: Listings): Promise<number> {
	let count = 0;
	for (const [index, input] of entry.inputs.entries()) {
		const before = findInput(earlier, facts.inputs[index]!.role)?.content;
		const changes = before === input.content ? [] : await listings.compare(before, input);
		count += changes?.length ?? Number.MAX_SAFE_INTEGER;
	}

	return count;
}

function countDifferences(earlier: StepFacts, facts: StepFacts): number {
	const names = new Set([...Object.keys(earlier.parts), ...Object.keys(facts.parts)]);
	const parts = [...names].filter(name => canonicalJson(earlier.parts[name] ?? null) !== canonicalJson(facts.parts[name] ?? null));
	const inputs = facts.inputs.filter(({role, key, content}) => {
		const before = findInput(earlier, role);
		return before?.key !== key || before?.content !== content;
	});
	return parts.length + inputs.length;
}
