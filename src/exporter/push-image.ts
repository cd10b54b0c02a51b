import PQueue from 'p-queue';
import type {Digest} from '../kernel/digest.ts';
import type {ReportStatus} from '../kernel/internal-vertex.ts';
import {formatReference, type Reference} from '../kernel/reference.ts';
import type {BlobSource, RegistryClient, Repository} from '../registry/registry-client.ts';
import {findBlobSources, recordBlobSource} from '../../snapshotter/blob-sources.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {EncodedManifest} from './image-assembly.ts';
import {explainPush} from './push-error.ts';
import type {PushMeter} from './push-meter.ts';
import {together} from './together.ts';

/** An image that can be pushed: its manifest, and the blobs that this names. */
export type PushableImage = {
	readonly manifest: EncodedManifest;
	readonly blobs: readonly PushableBlob[];
};

/** A blob of which all is known. */
export type PushableBlob = {
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
	readonly content: BlobSource['content'];
};

export type PushOptions = {
	readonly client: RegistryClient;
	readonly metadata: Metadata;
	readonly report: ReportStatus;
	readonly meter: PushMeter;
	readonly signal: AbortSignal;
};

/** What a blob is sent with. */
export type PushBlobOptions = Pick<PushOptions, 'client' | 'metadata' | 'signal'> & {readonly meter?: PushMeter};

/**
As many blobs as BuildKit sends to a registry at once.

@see https://github.com/moby/buildkit/blob/v0.32.2/util/resolver/limited/group.go
*/
export const uploadsAtOnce = 4;

/**
Pushes an image under names, also to several registries: first what the repositories do not have, then the manifests. So a name never stands for an image that is not whole. Of the repositories of one registry only the first is sent blobs: the others take them from there.

A reference without a tag is pushed by digest.

@throws what `RegistryClient` throws, with the name in front; the reason of `signal`
*/
export async function pushImage(image: PushableImage, references: readonly Reference[], options: PushOptions): Promise<void> {
	const registries = Map.groupBy(repositoriesOf(references), ({domain}) => domain).values();
	const pushes = registries.map(repositories => async (signal: AbortSignal) => pushToRegistry(image, repositories, {...options, signal}));
	await together([...pushes], options.signal);
	options.meter.finish();
	for (const reference of references) {
		await explainPush(reference, async () => pushManifest(image, reference, options));
	}
}

/** One reference of each repository. */
export function repositoriesOf(references: readonly Reference[]): readonly Reference[] {
	return Map.groupBy(references, ({domain, path}) => `${domain}/${path}`).values().map(([first]) => first!).toArray();
}

async function pushToRegistry(image: PushableImage, repositories: readonly Reference[], options: PushOptions): Promise<void> {
	for (const repository of repositories) {
		await explainPush(repository, async () => pushBlobs(image, repository, options));
	}
}

async function pushBlobs({blobs}: PushableImage, repository: Repository, options: PushOptions): Promise<void> {
	const queue = new PQueue({concurrency: uploadsAtOnce});
	const different = new Map(blobs.map(blob => [blob.digest, blob])).values();
	const pushes = different.map(blob => async (signal: AbortSignal) => queue.add(async () => {
		signal.throwIfAborted();
		await pushBlob(blob, repository, {...options, signal});
	}));
	await together([...pushes], options.signal);
}

/**
Sends a blob to a repository, unless it is there, or the registry can take it from another one of its own.

@throws what `RegistryClient` throws; the reason of the signal
*/
export async function pushBlob(blob: PushableBlob, repository: Repository, options: PushBlobOptions): Promise<void> {
	const {client, metadata, meter, signal} = options;
	if (!await client.hasBlob(repository, blob.digest, {signal}) && !await mountBlob(blob, repository, options)) {
		await client.uploadBlob(repository, {descriptor: blob, content: blob.content}, {...(meter && {onProgress: meter.count()}), signal});
	}

	recordBlobSource(metadata, blob.digest, repository);
}

/** Lets the registry take the blob from another repository of its own. */
async function mountBlob({digest}: PushableBlob, repository: Repository, {client, metadata, signal}: PushBlobOptions): Promise<boolean> {
	for (const from of findBlobSources(metadata, digest, repository)) {
		if (await client.mountBlob(repository, {digest, from}, {signal})) {
			return true;
		}
	}

	return false;
}

async function pushManifest({manifest: {bytes, descriptor}}: PushableImage, reference: Reference, {client, report, signal}: PushOptions): Promise<void> {
	const id = `pushing manifest for ${formatReference({...reference, digest: descriptor.digest})}`;
	const started = Date.now();
	await client.pushManifest(reference, {bytes, mediaType: descriptor.mediaType}, {signal});
	report({id, started, completed: true});
}
