import type {Digest} from '../../src/kernel/digest.ts';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';
import type {Descriptor} from '../../src/kernel/oci-types.ts';
import type {RegistryClient, Repository} from '../../src/registry/registry-client.ts';
import {BlobFollower} from '../../snapshotter/blob-follower.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {countedChunks} from '../../snapshotter/counted-chunks.ts';
import type {ExecutionContext} from '../vertex.ts';
import type {Downloads} from './downloads.ts';

/** Layers that are on their way into our content store. */
export type LayerIntake = AsyncDisposable & {
	/**
	Waits until a layer is there.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when it is not what its descriptor says, `ERR_TSBUILD_CONTENT_NOT_FOUND` when the source lacks it; what the source throws; the reason of the signal
	*/
	ready(layer: Digest): Promise<void>;
	/**
	Waits until a layer begins to come.

	@returns its bytes as they come, not verified until it is ready; `undefined` when it was there already
	@throws as `ready`
	*/
	follow(layer: Digest): Promise<AsyncIterable<Uint8Array> | undefined>;
};

/** Where layers come from. */
export type LayerSource = {
	/** The registry or directory. */
	readonly place: string;
	/** The bytes of a layer. */
	readonly read: (layer: Descriptor, options: {readonly signal: AbortSignal}) => AsyncIterable<Uint8Array>;
};

/** Where layers come from and go. */
export type IntakeOptions = {
	readonly source: LayerSource;
	readonly content: ContentStore;
	readonly downloads: Downloads;
	readonly execution: Pick<ExecutionContext, 'signal' | 'status'>;
};

/** The layers of a repository of a registry. */
export function registrySource(repository: Repository, client: Pick<RegistryClient, 'readBlob'>): LayerSource {
	return {
		place: repository.domain,
		read: (layer, {signal}) => explainForeign(layer, client.readBlob(repository, layer, {signal})),
	};
}

/**
A layer that must not be given away is at addresses in the manifest. Those are not followed: an image does not choose whom this machine asks.

@yields the bytes
@see https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers
*/
async function * explainForeign({mediaType, digest}: Descriptor, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
	try {
		yield * bytes;
	} catch (error) {
		throw errorCode(error) === 'ERR_TSBUILD_REGISTRY_NOT_FOUND' && /foreign|nondistributable/v.test(mediaType)
			? new TsbuildError('ERR_TSBUILD_IMAGE', `failed to download layer ${digest}: its registry does not have it, because it may not be given away`, {
				cause: error,
				hint: 'Images of Windows have such layers. Push the image to a registry of your own together with them: docker push with allow-nondistributable-artifacts.',
			})
			: error;
	}
}

/**
Takes layers into our content store: several at once and the lowest first, while the caller unpacks them. Each is verified on the way, and one that is there already, or comes twice in the image, is not taken again.

When it is disposed of, what is still on its way is given up, and nothing of it stays.
*/
export function takeInLayers(layers: readonly Descriptor[], {execution, ...options}: IntakeOptions): LayerIntake {
	const abandoned = new AbortController();
	const signal = AbortSignal.any([execution.signal, abandoned.signal]);
	const wanted = new Map(layers.map(layer => [layer.digest, layer]));
	const followers = new AsyncDisposableStack();
	const intakes = new Map(wanted.values().map(layer => {
		const follower = followers.use(new BlobFollower());
		const whole = options.downloads.add(options.source.place, layer.digest, async () => takeIn(layer, {...options, execution: {...execution, signal}, follower}));
		return [layer.digest, {whole, follower}];
	}));
	// Whoever waits for a layer gets its error; a failure that nobody waits for yet is no unhandled one.
	const settled = Promise.allSettled(intakes.values().map(async ({whole}) => whole));
	return {
		async ready(layer) {
			await intakes.get(layer)!.whole;
		},
		async follow(layer) {
			const {whole, follower} = intakes.get(layer)!;
			const isComing = await Promise.race([follower.begun.then(() => true), whole.then(() => false)]);
			return isComing ? follower.read(0) : undefined;
		},
		async [Symbol.asyncDispose]() {
			abandoned.abort();
			await settled;
			await followers.disposeAsync();
		},
	};
}

async function takeIn(layer: Descriptor, {source, content, execution: {signal, status}, follower}: IntakeOptions & {readonly follower: BlobFollower}): Promise<void> {
	const {digest, size} = layer;
	signal.throwIfAborted();
	if (await content.has(digest)) {
		return;
	}

	const report = (current: number) => {
		status({id: digest, current, total: size});
	};

	report(0);
	const ingested = content.ingest(countedChunks(source.read(layer, {signal}), report), {
		expectedDigest: digest, expectedSize: size, observer: follower, signal,
	});
	try {
		await ingested;
	} finally {
		follower.end(ingested);
	}

	status({
		id: digest,
		current: size,
		total: size,
		completed: true,
	});
}
