/** A time in which a vertex was at work, in milliseconds since the epoch; it has no end while the work goes on. */
export type Interval = {readonly start: number; readonly end: number | undefined};

/**
Joins intervals that overlap. One without an end takes in all that come after it.

@param intervals - ends by starts
@returns in order of their starts
*/
export function mergeIntervals(intervals: ReadonlyMap<number, number | undefined>): readonly Interval[] {
	const merged: Interval[] = [];
	for (const [start, end] of intervals.entries().toArray().toSorted(([left], [right]) => left - right)) {
		const last = merged.at(-1);
		if (last === undefined || (last.end !== undefined && last.end < start)) {
			merged.push({start, end});
		} else if (last.end !== undefined) {
			merged[merged.length - 1] = {start: last.start, end: end === undefined ? undefined : Math.max(last.end, end)};
		}
	}

	return merged;
}

/** The length of all intervals together in seconds; those without an end last until `now`. */
export function totalSeconds(intervals: readonly Interval[], now: number): number {
	let milliseconds = 0;
	for (const {start, end} of intervals) {
		milliseconds += (end ?? now) - start;
	}

	return milliseconds / 1000;
}
