import {splitDigest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {
	familiarReference,
	formatReference,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import {imageNotFound, type ImageIdentity, type StoredImage} from './image-store.ts';

/** An image that a user named, found. */
export type FoundImage = ImageIdentity & {
	/** Whether the user named it by a name of it, or by its ID. */
	readonly by: 'name' | 'id';
	/** The name, or all names that the image has: full references. */
	readonly names: readonly string[];
};

/** Where to look for an image: an `ImageStore`. */
export type ImageLists = {
	list(): readonly StoredImage[];
	listNameless(): readonly ImageIdentity[];
};

/**
Finds what `text` names among images: a name, a name with the digest of the manifest, or an image ID (the digest of the config, or the first digits of one), in this order, as docker does.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`; `ERR_TSBUILD_IMAGE_AMBIGUOUS` for the first digits of several IDs
*/
export function findImage(images: ImageLists, text: string): FoundImage {
	const named = images.list();
	const reference = readReference(text);
	const image = reference && named.find(candidate => isNamed(candidate, reference));
	if (image !== undefined) {
		const {name, configDigest, manifestDigest} = image;
		return {
			by: 'name', names: [name], configDigest, manifestDigest,
		};
	}

	const found = findById([...named, ...images.listNameless()], text);
	if (found === undefined) {
		throw imageNotFound(reference === undefined ? text : familiarReference(reference));
	}

	const {configDigest, manifestDigest} = found;
	const names = named.filter(entry => entry.configDigest === configDigest).map(({name}) => name);
	return {
		by: 'id', names, configDigest, manifestDigest,
	};
}

function findById(images: readonly ImageIdentity[], text: string): ImageIdentity | undefined {
	const prefix = /^(?:sha256:)?(?<digits>[\da-f]{1,64})$/v.exec(text)?.groups?.digits;
	const found = prefix === undefined ? [] : images.filter(image => splitDigest(image.configDigest).hex.startsWith(prefix));
	const ids = new Set(found.map(({configDigest}) => configDigest));
	if (ids.size > 1) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE_AMBIGUOUS', `image ID ${text} is ambiguous`, {hint: `It may be ${[...ids].join(' or ')}.`});
	}

	return found[0];
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
