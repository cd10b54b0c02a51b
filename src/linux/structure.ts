import {Buffer} from 'node:buffer';

const fieldSize = 8;

/**
The bytes of a C structure whose fields all have 64 bits. Both architectures are little-endian.
*/
export function structureOf(...fields: readonly bigint[]): Uint8Array {
	const bytes = Buffer.alloc(fields.length * fieldSize);
	for (const [index, field] of fields.entries()) {
		bytes.writeBigInt64LE(field, index * fieldSize);
	}

	return bytes;
}
