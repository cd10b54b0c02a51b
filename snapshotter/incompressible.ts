import {constants, deflateRawSync} from 'node:zlib';

const partCount = 4;
const partSize = 16 * 1024;

// What saves less is not worth the time: noise, and what is compressed already.
const minimumSaving = 0.02;

/** Would compression be of no use? Some small parts of the block are tried, by the fastest level; one that becomes smaller is enough to compress all of it. */
export function isIncompressible(block: Uint8Array): boolean {
	const starts = Array.from({length: partCount}, (_, index) => Math.floor(index * block.length / partCount));
	return block.length > 0 && starts.every(start => staysLarge(block.subarray(start, start + partSize)));
}

function staysLarge(part: Uint8Array): boolean {
	return deflateRawSync(part, {level: constants.Z_BEST_SPEED}).length > part.length * (1 - minimumSaving);
}
