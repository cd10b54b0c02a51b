// A suggestion further away than this is a guess.
const maximumDistance = 2;

/**
The option that is most like `value`, for "did you mean x?".

@returns `undefined` when none is near, or when `value` itself is an option (what went wrong is then something else)
*/
export function suggest(value: string, options: Iterable<string>): string | undefined {
	let nearest: string | undefined;
	let nearestDistance = maximumDistance + 1;
	for (const option of options) {
		if (option === value) {
			return undefined;
		}

		const distance = boundedDistance(value, option);
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

/** The Levenshtein distance, or `Infinity` when the lengths alone tell that it is too far. */
function boundedDistance(from: string, to: string): number {
	if (Math.abs(from.length - to.length) > maximumDistance) {
		return Infinity;
	}

	let previous = Array.from({length: to.length + 1}, (_, index) => index);
	for (let row = 1; row <= from.length; row++) {
		const current = [row];
		for (let column = 1; column <= to.length; column++) {
			const substitution = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
			current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
		}

		previous = current;
	}

	return previous.at(-1)!;
}
