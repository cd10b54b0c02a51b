import {createHash, type Hash} from 'node:crypto';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {BlobDescriptor} from './registry-client.ts';

/** Checks bytes against a descriptor while they come. */
export class Verification {
	readonly #descriptor: BlobDescriptor;
	readonly #hash: Hash;
	#received = 0;

	constructor(descriptor: BlobDescriptor) {
		this.#descriptor = descriptor;
		this.#hash = createHash(splitDigest(descriptor.digest).algorithm);
	}

	/** Bytes so far. */
	get received(): number {
		return this.#received;
	}

	/**
	Takes in the next bytes.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when it is more than there should be
	*/
	add(chunk: Uint8Array): void {
		const {digest, size} = this.#descriptor;
		this.#received += chunk.length;
		if (this.#received > size) {
			throw contentError(digest, `the registry sends more than its ${size} bytes`);
		}

		this.#hash.update(chunk);
	}

	/**
	Judges them all.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when it is not what it should be
	*/
	finish(): void {
		const {digest, size} = this.#descriptor;
		if (this.#received !== size) {
			throw contentError(digest, `it has ${this.#received} bytes instead of ${size}`);
		}

		const {algorithm, hex} = splitDigest(digest);
		const actualHex = this.#hash.digest('hex');
		if (actualHex !== hex) {
			throw contentError(digest, `what the registry sends has the digest ${algorithm}:${actualHex}`);
		}
	}
}

/** The error for content of a registry that is not what it should be. */
export function contentError(digest: Digest, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTENT', `failed to verify ${digest}: ${reason}`, {
		hint: 'Try again: if it stays so, the image in the registry is damaged, or something on the way changes it.',
	});
}
