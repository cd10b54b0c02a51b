import {parseImageDocument} from '../kernel/image-documents.ts';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {Digest} from '../kernel/digest.ts';
import type {Platform} from '../kernel/platform.ts';
import type {ContentStore, StoredBlob} from '../../snapshotter/content-store.ts';
import {contentDocuments} from '../image-resolver/content-documents.ts';
import {findManifest} from '../image-resolver/find-manifest.ts';
import {archiveError} from './archive-error.ts';
import type {ArchiveFiles} from './archive-files.ts';
import type {ArchivedImage} from './archived-image.ts';
import {parseDockerManifest, type DockerManifestEntry} from './docker-manifest.ts';

const maximumImageCount = 1000;

/**
The images of an archive that is an image layout: of each index the one for the platform. What only Docker names, in `manifest.json`, has a name too.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_IMAGE_NOT_FOUND` for another platform
*/
export async function readLayoutImages(index: StoredBlob, files: ArchiveFiles, {content, platform}: {readonly content: ContentStore; readonly platform: Platform}): Promise<readonly ArchivedImage[]> {
	const document = parseImageDocument(await content.readBytes(index.digest), mediaTypes.index);
	if (document.kind !== 'index' || document.index.manifests.length > maximumImageCount) {
		throw archiveError(`index.json is no index of at most ${maximumImageCount} images`);
	}

	const dockerManifest = files.find('manifest.json');
	const dockerEntries = dockerManifest === undefined ? [] : parseDockerManifest(await content.readBytes(dockerManifest.digest));
	const images = new Map<Digest, ArchivedImage>();
	for (const entry of document.index.manifests) {
		const {manifestDigest, manifest, config} = await findManifest(entry, {source: contentDocuments(content), platform});
		// An image has an entry for each of its names.
		const names = [...images.get(manifestDigest)?.names ?? [], ...namesOf(entry)];
		images.set(manifestDigest, {
			configDigest: manifest.config.digest,
			manifestDigest,
			layers: manifest.layers.map((descriptor, layer) => ({descriptor, diffId: config.rootfs.diff_ids![layer]!})),
			names: names.length > 0 ? names : namesForDocker(manifest.config, {dockerEntries, files}),
		});
	}

	return images.values().toArray();
}

function namesOf({annotations = {}}: Descriptor): readonly string[] {
	const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
	// What has neither slash nor colon is a tag alone.
	return name !== undefined && /[\/:]/v.test(name) ? [name] : [];
}

function namesForDocker({digest}: Descriptor, {dockerEntries, files}: {readonly dockerEntries: readonly DockerManifestEntry[]; readonly files: ArchiveFiles}): readonly string[] {
	return dockerEntries.filter(({config}) => files.find(config)?.digest === digest).flatMap(({names}) => names);
}
