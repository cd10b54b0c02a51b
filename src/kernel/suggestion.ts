// A suggestion further away than this is a guess.
const maximumDistance = 2;

// Measuring takes the product of two lengths, and no name that people misspell is longer.
const maximumLength = 255;

/**
The option that is most like `value`, for "did you mean x?".

@returns `undefined` when none is near, or when `value` itself is an option (what went wrong is then something else)
*/
export function suggest(value: string, options: Iterable<string>): string | undefined {
	if (value.length > maximumLength) {
		return undefined;
	}

	let nearest: string | undefined;
	let nearestDistance = maximumDistance + 1;
	for (const option of options) {
		if (option === value) {
			return undefined;
		}

		const distance = Math.abs(value.length - option.length) > maximumDistance ? Infinity : editDistance(value, option);
		if (!(distance < nearestDistance)) {
			continue;
		}

		nearest = option;
		nearestDistance = distance;
	}

	return nearest;
}

/** ` (did you mean x?)`, or nothing. */
export function suggestion(value: string, options: Iterable<string>): string {
	const nearest = suggest(value, options);
	return nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
}

/** Levenshtein's distance: how many letters are added, removed or replaced. */
function editDistance(left: string, right: string): number {
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
