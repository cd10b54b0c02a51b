import {Buffer} from 'node:buffer';

/**
Reads machine code from a listing like that of objdump: on each line an instruction's hexadecimal bytes (or its 32-bit word, which lies in memory with the lowest byte first), a bar, and what they mean. Lines without a bar are labels.
*/
export function parseMachineCode(listing: string): Uint8Array {
	const lines = listing.split('\n').filter(line => line.includes('|'));
	return Buffer.concat(lines.map(line => encodeInstruction(line.slice(0, line.indexOf('|')).trim())));
}

function encodeInstruction(digits: string): Uint8Array {
	const isWord = /^[\da-f]{8}$/v.test(digits);
	const bytes = Buffer.from(digits.replaceAll(' ', ''), 'hex');
	return isWord ? bytes.reverse() : bytes;
}
