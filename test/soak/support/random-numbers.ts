/**
Numbers from 0 to 1 that look random, the same for the same seed: mulberry32.

@see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
*/
export function randomNumbers(seed: number): () => number {
	let state = seed;
	return () => {
		state = Math.trunc(state + 0x6D_2B_79_F5);
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / (2 ** 32);
	};
}
