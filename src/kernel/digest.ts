import {createHash} from 'node:crypto';
import {TsbuildError} from './errors.ts';

declare const brand: unique symbol;

/**
The digest of a blob as it is stored or sent, for example `sha256:e3b0...`.

@see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
*/
export type Digest = string & {readonly [brand]: 'Digest'};

/**
The digest of a layer's uncompressed tar.

@see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid
*/
export type DiffId = string & {readonly [brand]: 'DiffId'};

/**
The digest of a chain of layers.

@see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
*/
export type ChainId = string & {readonly [brand]: 'ChainId'};

// Only sha256 and sha512 are registered; what is not registered cannot be verified, so it is refused.
// https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms
const hexLengths: Readonly<Record<string, number>> = {sha256: 64, sha512: 128};

/**
Checks a digest that comes from outside (it becomes part of a path).

@throws {TsbuildError} `ERR_TSBUILD_INVALID_DIGEST`
*/
export function parseDigest(text: string): Digest {
	const {algorithm = '', hex = ''} = /^(?<algorithm>[\da-z]+):(?<hex>[\da-f]+)$/v.exec(text)?.groups ?? {};
	if (hexLengths[algorithm] !== hex.length) {
		throw new TsbuildError('ERR_TSBUILD_INVALID_DIGEST', `invalid digest ${JSON.stringify(text.slice(0, 200))}`, {
			hint: 'A digest is sha256: followed by 64 hexadecimal digits.',
		});
	}

	return text as Digest;
}

/** Like `parseDigest`, for the `diff_ids` of an image config. */
export function parseDiffId(text: string): DiffId {
	return parseDigest(text) as string as DiffId;
}

/** The algorithm and the hexadecimal part of a digest. */
export function splitDigest(digest: Digest | DiffId | ChainId): {readonly algorithm: string; readonly hex: string} {
	const separator = digest.indexOf(':');
	return {algorithm: digest.slice(0, separator), hex: digest.slice(separator + 1)};
}

/** The sha256 digest of bytes or of a string's UTF-8 form. */
export function digestOf(content: string | Uint8Array): Digest {
	return `sha256:${createHash('sha256').update(content).digest('hex')}` as Digest;
}

/** A digest from the hexadecimal output of a finished sha256. */
export function digestFromSha256(hex: string): Digest {
	return parseDigest(`sha256:${hex}`);
}

/** A diff ID from the digest of an uncompressed layer tar. */
export function diffIdFrom(digestOfTar: Digest): DiffId {
	return digestOfTar as string as DiffId;
}

/** The chain ID of a layer stacked on a parent chain (`undefined` for the lowest layer). */
export function chainIdOf(parent: ChainId | undefined, diffId: DiffId): ChainId {
	return (parent === undefined ? diffId : digestOf(`${parent} ${diffId}`)) as string as ChainId;
}

/** The chain ID of all `diffIds`, lowest first; `undefined` when there are none. */
export function chainIdOfAll(diffIds: readonly DiffId[]): ChainId | undefined {
	let chain: ChainId | undefined;
	for (const diffId of diffIds) {
		chain = chainIdOf(chain, diffId);
	}

	return chain;
}
