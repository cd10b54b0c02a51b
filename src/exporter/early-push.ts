import PQueue from 'p-queue';
import type {Digest} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {Reference} from '../kernel/reference.ts';
import type {BlobSource, RegistryClient} from '../registry/registry-client.ts';
import {BlobFollower} from '../../snapshotter/blob-follower.ts';
import type {FollowLayer} from './encoded-image.ts';
import {explainPush} from './push-error.ts';
import {uploadsAtOnce} from './push-image.ts';
import type {PushMeter} from './push-meter.ts';

type EarlyPushOptions = {
	readonly client: RegistryClient;
	/** One of each repository. */
	readonly references: readonly Reference[];
	readonly meter: PushMeter;
	readonly signal: AbortSignal;
};

/**
Uploads layers while they are being compressed. It is only a beginning: what a repository has in the end is asked by whoever pushes the image afterwards.

When an upload fails, `signal` is aborted with its error. Dispose when the image is pushed, or will not be.
*/
export class EarlyPush implements AsyncDisposable {
	readonly #options: EarlyPushOptions;
	readonly #ended = new AbortController();
	readonly #queue = new PQueue({concurrency: uploadsAtOnce});
	readonly #followers = new AsyncDisposableStack();
	/** For the work whose result is sent: it is of no use any more when sending has failed. */
	readonly signal: AbortSignal;

	/** Sends a layer to all registries as it comes. One that was there before is not sent. */
	readonly follow: FollowLayer = async make => {
		const follower = this.#followers.use(new BlobFollower());
		const made = make(follower);
		void this.#uploadFrom(follower, made);
		try {
			return await made;
		} finally {
			follower.end(made);
		}
	};

	constructor(options: EarlyPushOptions) {
		this.#options = options;
		this.signal = AbortSignal.any([options.signal, this.#ended.signal]);
	}

	async #uploadFrom(follower: BlobFollower, made: Promise<Descriptor>): Promise<void> {
		await follower.begun;
		for (const reference of firstOfEachRegistry(this.#options.references)) {
			void this.#queue.add(async () => this.#tryUpload(reference, {descriptor: made, content: offset => follower.read(offset)}));
		}
	}

	async #tryUpload(reference: Reference, source: BlobSource): Promise<void> {
		try {
			await explainPush(reference, async () => this.#upload(reference, source));
		} catch (error) {
			this.#ended.abort(error);
		}
	}

	/** Until the digest is known, nobody can tell whether the repository has the blob. */
	async #upload(reference: Reference, source: BlobSource): Promise<void> {
		const {client, meter} = this.#options;
		const found = new AbortController();
		// Not awaited: an upload that fails ends the work before there is a digest.
		void endWhenFound(found, async () => {
			const {digest} = await source.descriptor;
			return client.hasBlob(reference, digest, {signal: this.signal});
		});
		try {
			await client.uploadBlob(reference, source, {onProgress: meter.count(), signal: AbortSignal.any([this.signal, found.signal])});
		} catch (error) {
			if (!found.signal.aborted) {
				throw error;
			}
		}
	}

	/** Asks each repository for a blob: a push that is not allowed fails here, before there is any work. */
	async checkAccess(digest: Digest): Promise<void> {
		const {client, references} = this.#options;
		await Promise.all(references.map(async reference => explainPush(reference, async () => client.hasBlob(reference, digest, {signal: this.signal}))));
	}

	/**
	Waits for all uploads.

	@throws what one of them has failed with
	*/
	async finish(): Promise<void> {
		await this.#queue.onIdle();
		this.signal.throwIfAborted();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#ended.abort(new DOMException('the push is over', 'AbortError'));
		await this.#queue.onIdle();
		await this.#followers.disposeAsync();
	}
}

/** The other repositories will take blobs from there. */
function firstOfEachRegistry(references: readonly Reference[]): readonly Reference[] {
	return Map.groupBy(references, ({domain}) => domain).values().map(([first]) => first!).toArray();
}

/** A question that fails ends nothing: the upload says better what is wrong. */
async function endWhenFound(upload: AbortController, isThere: () => Promise<boolean>): Promise<void> {
	try {
		if (await isThere()) {
			upload.abort();
		}
	} catch {
		// Told by the upload.
	}
}
