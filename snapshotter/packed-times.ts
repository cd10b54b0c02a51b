import {Buffer} from 'node:buffer';

const nanosecondsPerSecond = 1_000_000_000n;

// Less than a second in nanoseconds is less than 2^32.
const bytesPerTime = 4;

/**
The parts of a second in the times of a layer's entries. The layer itself has whole seconds; when it is unpacked, each file gets its exact time again, as if it had been copied.
*/
export class PackedTimes {
	#times = Buffer.allocUnsafe(256 * bytesPerTime);
	#length = 0;

	/** Takes the time of the next entry, in nanoseconds since the epoch. */
	add(nanoseconds: bigint): void {
		if (this.#length === this.#times.length) {
			this.#times = Buffer.concat([this.#times, Buffer.allocUnsafe(this.#length)]);
		}

		this.#length = this.#times.writeUInt32LE(Number(partOfSecond(nanoseconds)), this.#length);
	}

	get bytes(): Uint8Array {
		return this.#times.subarray(0, this.#length);
	}
}

/** Gives the entries of a layer, one after the other, their exact times. */
export function exactTimes(times: Uint8Array): <Entry extends {readonly mtimeNanoseconds: bigint}>(entry: Entry) => Entry {
	const view = Buffer.from(times.buffer, times.byteOffset, times.byteLength);
	let position = 0;
	return entry => {
		const part = position < view.length ? view.readUInt32LE(position) : 0;
		position += bytesPerTime;
		return {...entry, mtimeNanoseconds: entry.mtimeNanoseconds + BigInt(part)};
	};
}

function partOfSecond(nanoseconds: bigint): bigint {
	return ((nanoseconds % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
}
