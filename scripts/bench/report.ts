/** Prints what was measured, in seconds by name, with the ratios to the first. */
export function report(title: string, medians: ReadonlyMap<string, number>): void {
	const [first, own] = [...medians][0]!;
	console.log(title);
	for (const [name, seconds] of medians) {
		const ratio = name === first ? '' : `  ${(seconds / own).toFixed(1)} times ${first}`;
		console.log(`  ${name.padEnd(10)}${(seconds * 1000).toFixed(0).padStart(7)} ms${ratio}`);
	}
}
