import {Buffer} from 'node:buffer';

/*
The encoding of everything in SSH: https://www.rfc-editor.org/rfc/rfc4251#section-5
*/

/** A number of four bytes. */
export function encodeNumber(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
}

/** A `string`: its length, then its bytes. */
export function encodeString(content: string | Uint8Array): Buffer {
	const bytes = Buffer.from(content);
	return Buffer.concat([encodeNumber(bytes.length), bytes]);
}

/** An `mpint` of the bytes of a number that is not negative, the highest first. */
export function encodeInteger(bytes: Uint8Array): Buffer {
	const start = bytes.findIndex(byte => byte !== 0);
	const significant = start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
	const isHighBitSet = (significant[0] ?? 0) > 0x7F;
	return encodeString(isHighBitSet ? Buffer.concat([Buffer.alloc(1), significant]) : significant);
}

/**
Reads what follows each other in a message. Reading behind the end throws a `RangeError`.
*/
export class WireReader {
	#rest: Buffer;

	constructor(bytes: Uint8Array) {
		this.#rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	/** What has not been read yet. */
	get rest(): Uint8Array {
		return this.#rest;
	}

	readNumber(): number {
		const value = this.#rest.readUInt32BE();
		this.#rest = this.#rest.subarray(4);
		return value;
	}

	readBytes(): Buffer {
		const length = this.readNumber();
		if (length > this.#rest.length) {
			throw new RangeError('a string ends behind the end of its message');
		}

		const bytes = this.#rest.subarray(0, length);
		this.#rest = this.#rest.subarray(length);
		return bytes;
	}

	readText(): string {
		return this.readBytes().toString('latin1');
	}
}
