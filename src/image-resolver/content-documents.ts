import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {DocumentSource} from './find-manifest.ts';

/** The documents of images that are in a content store. */
export function contentDocuments(content: ContentStore, {signal}: {readonly signal?: AbortSignal | undefined} = {}): DocumentSource {
	const read: DocumentSource['readManifest'] = async ({digest, size}) => content.readBytes(digest, {size, signal});
	return {readManifest: read, readConfig: read};
}
