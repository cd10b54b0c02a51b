import type {FoundImage} from '../image-resolver/found-image.ts';
import {resolveImage, type ImageLookup, type WantedImage} from '../image-resolver/image-resolver.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {withInternalVertex} from '../kernel/internal-vertex.ts';
import {formatPlatform} from '../kernel/platform.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';

/** How an image is looked up, and how that is shown. */
export type MetadataContext = {
	readonly lookup: ImageLookup;
	/** In front of the step: `internal`, or the named context that wants the image. */
	readonly label: string;
	readonly progress: ProgressSink;
};

/**
Looks up an image, and shows that.

@throws as `resolveImage`, in the words of BuildKit
*/
export async function loadMetadata(wanted: WantedImage, {lookup, label, progress}: MetadataContext): Promise<FoundImage> {
	const name = formatReference(parseReference(wanted.reference));
	try {
		return await withInternalVertex(progress, {name: `[${label}] load metadata for ${name}`, key: formatPlatform(wanted.platform)}, async () => resolveImage(wanted, lookup));
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to resolve source metadata for ${name}: ${error.message}`, {cause: error}) : error;
	}
}
