import type {DiffId} from '../kernel/digest.ts';
import {parseImageConfig} from '../kernel/image-documents.ts';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {ContentStore, StoredBlob} from '../../snapshotter/content-store.ts';
import {detectCompression, type Compression} from '../../snapshotter/decompress.ts';
import {manifestOf} from '../exporter/image-assembly.ts';
import {archiveError} from './archive-error.ts';
import type {ArchiveFiles} from './archive-files.ts';
import type {ArchivedImage} from './archived-image.ts';
import {parseDockerManifest, type DockerManifestEntry} from './docker-manifest.ts';

const layerTypes: Readonly<Record<Compression, string>> = {
	none: mediaTypes.layer,
	gzip: mediaTypes.layerGzip,
	zstd: mediaTypes.layerZstd,
};

/**
The images of an archive of Docker that is no image layout. They have no manifests there: one is made for each.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE`, `ERR_TSBUILD_IMAGE`
*/
export async function readDockerImages(manifest: StoredBlob, files: ArchiveFiles, content: ContentStore): Promise<readonly ArchivedImage[]> {
	const entries = parseDockerManifest(await content.readBytes(manifest.digest));
	const images: ArchivedImage[] = [];
	for (const entry of entries) {
		images.push(await readDockerImage(entry, files, content));
	}

	return images;
}

async function readDockerImage(entry: DockerManifestEntry, files: ArchiveFiles, content: ContentStore): Promise<ArchivedImage> {
	const {digest} = fileOf(entry.config, files);
	const configBytes = await content.readBytes(digest);
	const config = parseImageConfig(configBytes);
	const diffIds = config.rootfs.diff_ids ?? [];
	if (diffIds.length !== entry.layers.length) {
		throw archiveError(`the image ${entry.config} has ${diffIds.length} diff ids for ${entry.layers.length} layers`);
	}

	const layers: Array<{readonly diffId: DiffId; readonly descriptor: Descriptor}> = [];
	for (const [index, name] of entry.layers.entries()) {
		layers.push({diffId: diffIds[index]!, descriptor: await describeLayer(fileOf(name, files), content)});
	}

	const manifest = manifestOf({
		config, configBytes, configDigest: digest, layers,
	}, layers.map(({descriptor}) => descriptor), {mediaTypes: 'oci', annotations: {}});
	await content.write(manifest.bytes);
	return {
		configDigest: digest, manifestDigest: manifest.descriptor.digest, layers, names: entry.names,
	};
}

function fileOf(name: string, files: ArchiveFiles): StoredBlob {
	const blob = files.find(name);
	if (blob === undefined) {
		throw archiveError(`manifest.json names the file ${JSON.stringify(name.slice(0, 200))}, which is not there`);
	}

	return blob;
}

async function describeLayer({digest, size}: StoredBlob, content: ContentStore): Promise<Descriptor> {
	const {compression, stream} = await detectCompression(content.read(digest, {size}));
	await stream[Symbol.asyncIterator]().return?.();
	return {mediaType: layerTypes[compression], digest, size};
}
