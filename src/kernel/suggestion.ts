/**
The candidate that the user may have meant: fewer than three edits away, upper and lower case alike.

@see https://github.com/moby/buildkit/blob/master/util/suggest/error.go
*/
export function closest(word: string, candidates: Iterable<string>): string | undefined {
	let best: string | undefined;
	let bestDistance = 3;
	for (const candidate of candidates) {
		if (!(Math.abs(candidate.length - word.length) < bestDistance)) {
			continue;
		}

		const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
		if (!(distance < bestDistance)) {
			continue;
		}

		best = candidate;
		bestDistance = distance;
	}

	return best;
}

/** Levenshtein's distance: how many letters are added, removed or replaced. */
export function editDistance(left: string, right: string): number {
	let previous = Array.from({length: right.length + 1}, (_, index) => index);
	for (let row = 1; row <= left.length; row++) {
		const current = [row];
		for (let column = 1; column <= right.length; column++) {
			const substitution = previous[column - 1]! + (left[row - 1] === right[column - 1] ? 0 : 1);
			current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, substitution));
		}

		previous = current;
	}

	return previous[right.length]!;
}
