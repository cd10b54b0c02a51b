import {openLayout} from '../../snapshotter/content-store.ts';
import {parseDigest} from '../kernel/digest.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {Platform} from '../kernel/platform.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import {contentDocuments} from './content-documents.ts';
import {findManifest} from './find-manifest.ts';
import type {FoundImage} from './found-image.ts';

/** An OCI layout directory that stands for an image name. */
export type LayoutContext = {
	readonly name: string;
	readonly directory: string;
	readonly tag?: string;
	readonly digest?: string;
};

/**
Finds the image of an OCI layout: by digest, by tag, or the only one there is.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_LAYOUT`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_INVALID_DIGEST`
*/
export async function resolveLayoutImage(context: LayoutContext, platform: Platform): Promise<FoundImage> {
	const layout = await openLayout(context.directory);
	const {manifests} = await layout.readIndex();
	const entry = findByDigest(manifests, context) ?? chooseEntry(manifests, context);
	// An index.json of another program may say what it likes about what it names.
	const size = await layout.size(entry.digest) ?? entry.size;
	const {manifestDigest, config} = await findManifest({...entry, size}, {source: contentDocuments(layout), platform});
	const {domain, path} = parseReference(context.name);
	return {
		reference: formatReference({domain, path, tag: context.tag ?? 'latest'}),
		manifestDigest,
		location: {type: 'oci-layout', directory: context.directory},
		config,
	};
}

/** An image that is named by its digest need not be in `index.json`. */
function findByDigest(manifests: readonly Descriptor[], {digest}: LayoutContext): Descriptor | undefined {
	if (digest === undefined) {
		return undefined;
	}

	const wanted = parseDigest(digest);
	return manifests.find(manifest => manifest.digest === wanted) ?? {mediaType: '', digest: wanted, size: 0};
}

function chooseEntry(manifests: readonly Descriptor[], {directory, tag}: LayoutContext): Descriptor {
	const wanted = tag ?? 'latest';
	const named = manifests.find(({annotations}) => {
		const name = annotations?.['org.opencontainers.image.ref.name'] ?? '';
		return name === wanted || name.endsWith(`:${wanted}`);
	});
	const distinct = new Set(manifests.map(manifest => manifest.digest));
	const chosen = named ?? (tag === undefined && distinct.size === 1 ? manifests[0] : undefined);
	if (chosen === undefined) {
		const names = manifests.map(({annotations, digest: known}) => annotations?.['org.opencontainers.image.ref.name'] ?? known);
		throw new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `failed to find image ${JSON.stringify(wanted)} in OCI layout ${directory}: not found`, {
			hint: names.length === 0 ? 'The layout holds no image.' : `The layout holds ${names.join(', ')}.`,
		});
	}

	return chosen;
}
