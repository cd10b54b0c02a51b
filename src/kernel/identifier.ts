import {randomBytes} from 'node:crypto';

// 25 digits to the base of 36 hold 129 bits.
const length = 25;
const base = 36;
const randomByteCount = 17;

/**
A new name for something, in the form of BuildKit's: 25 digits and lower-case letters.

@see https://github.com/moby/buildkit/blob/v0.32.2/identity/randomid.go
*/
export function newIdentifier(): string {
	const number = BigInt(`0x${randomBytes(randomByteCount).toString('hex')}`);
	return number.toString(base).padStart(length, '0').slice(-length);
}
