import {splitDigest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {
	familiarReference,
	formatReference,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import {imageNotFound, type StoredImage} from './image-store.ts';

/** An image that a user named, found. */
export type FoundImage = {
	/** Whether the user named it by a name of it, or by its ID. */
	readonly by: 'name' | 'id';
	/** The name, or all names that the image has. */
	readonly entries: readonly [StoredImage, ...StoredImage[]];
};

/**
Finds what `text` names among images: a name, a name with the digest of the manifest, or an image ID (the digest of the config, or the first digits of one), in this order, as docker does.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`; `ERR_TSBUILD_IMAGE_AMBIGUOUS` for the first digits of several IDs
*/
export function findImage(images: readonly StoredImage[], text: string): FoundImage {
	const reference = readReference(text);
	const named = reference && images.find(image => isNamed(image, reference));
	if (named !== undefined) {
		return {by: 'name', entries: [named]};
	}

	const prefix = /^(?:sha256:)?(?<digits>[\da-f]{1,64})$/v.exec(text)?.groups?.digits;
	const [first, ...others] = prefix === undefined ? [] : images.filter(image => splitDigest(image.configDigest).hex.startsWith(prefix));
	if (first === undefined) {
		throw imageNotFound(reference === undefined ? text : familiarReference(reference));
	}

	const ids = new Set([first, ...others].map(image => image.configDigest));
	if (ids.size > 1) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE_AMBIGUOUS', `image ID ${text} is ambiguous`, {hint: `It may be ${[...ids].join(' or ')}.`});
	}

	return {by: 'id', entries: [first, ...others]};
}

function readReference(text: string): Reference | undefined {
	try {
		return parseReference(text);
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_INVALID_REFERENCE') {
			return undefined;
		}

		throw error;
	}
}

function isNamed({name, manifestDigest}: StoredImage, {digest, ...tagged}: Reference): boolean {
	if (digest === undefined) {
		return name === formatReference(tagged);
	}

	const {domain, path, tag} = parseReference(name);
	return manifestDigest === digest && domain === tagged.domain && path === tagged.path && (tagged.tag === undefined || tagged.tag === tag);
}
