import type {Digest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {parseImageDocument} from '../kernel/image-documents.ts';
import type {ImageIndex} from '../kernel/oci-types.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {readLayoutIndex} from '../../snapshotter/image-layout.ts';
import type {Store} from '../../snapshotter/store.ts';

/** Gives images the names back that `index.json` says, where the database knows none. What is damaged is found by the check that follows. */
export async function restoreImages(store: Store, signal: AbortSignal): Promise<void> {
	const images = new ImageStore(store);
	const known = new Set(images.list().map(({name}) => name));
	for (const {digest, annotations} of await readManifests(store)) {
		const name = annotations?.['io.containerd.image.name'];
		const configDigest = name === undefined || known.has(name) ? undefined : await readConfigDigest(digest, store);
		if (name !== undefined && configDigest !== undefined) {
			await images.add({configDigest, manifestDigest: digest}, [name], signal);
		}
	}
}

async function readManifests({content}: Store): Promise<ImageIndex['manifests']> {
	try {
		const {manifests} = await readLayoutIndex(content.directory);
		return manifests;
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_LAYOUT') {
			return [];
		}

		throw error;
	}
}

async function readConfigDigest(manifest: Digest, {content}: Store): Promise<Digest | undefined> {
	try {
		const document = parseImageDocument(await content.readBytes(manifest), '');
		return document.kind === 'manifest' ? document.manifest.config.digest : undefined;
	} catch (error) {
		if (error instanceof TsbuildError) {
			return undefined;
		}

		throw error;
	}
}
