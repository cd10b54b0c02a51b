import type {PlainVertex} from './plain-vertex.ts';

// Milliseconds: a vertex stays in view for at least the first, and none with news waits longer than the second.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
const antiFlicker = 5000;
const maximumDelay = 10_000;

export type Choice = {
	/** Those that run and have news; at least one. */
	readonly running: readonly PlainVertex[];
	/** The one that was in view when the display began. */
	readonly shown: PlainVertex | undefined;
	/** Whether none was in view, or the one that was has ended. */
	readonly hasShownEnded: boolean;
	readonly now: number;
};

type Candidate = {readonly vertex: PlainVertex; readonly elapsed: number; readonly speed: number};

/**
Chooses the vertex that comes into view, by BuildKit's rules: the text stays with one vertex, and changes to another when that one had to wait for long or, after a while, is busier.

@returns nothing when the view does not change
*/
export function chooseVertex({running, shown, hasShownEnded, now}: Choice): PlainVertex | undefined {
	const vertexes = new Set(shown === undefined || shown.isDone ? running : [...running, shown]);
	const candidates = [...vertexes].map(vertex => {
		const elapsed = now - vertex.updatedSince;
		return {vertex, elapsed, speed: vertex.updateCount / Math.max(elapsed, 1)};
	});
	const overdue = candidates.find(({vertex, elapsed}) => elapsed > maximumDelay && vertex !== shown);
	const busiest = candidates.toSorted((left, right) => right.speed - left.speed)[0]!;
	if (hasShownEnded) {
		return (overdue ?? busiest).vertex;
	}

	if (overdue !== undefined) {
		return overdue.vertex;
	}

	return isTurnOver(candidates.find(({vertex}) => vertex === shown)!, candidates) ? busiest.vertex : undefined;
}

/** The busier a vertex is in comparison, the longer it stays. */
function isTurnOver(shown: Candidate, candidates: readonly Candidate[]): boolean {
	let total = 0;
	for (const {speed} of candidates) {
		total += speed;
	}

	const others = total === 0 ? 1 : 1 - (shown.speed / total);
	return antiFlicker / others < shown.elapsed;
}
