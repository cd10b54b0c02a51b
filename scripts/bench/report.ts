/** Prints what was measured, in seconds by name, with the ratios to tsbuild. */
export function report(title: string, medians: ReadonlyMap<string, number>): void {
	const own = medians.get('tsbuild')!;
	console.log(title);
	for (const [name, seconds] of medians) {
		const ratio = name === 'tsbuild' ? '' : `  ${(seconds / own).toFixed(1)} times tsbuild`;
		console.log(`  ${name.padEnd(10)}${(seconds * 1000).toFixed(0).padStart(7)} ms${ratio}`);
	}
}
