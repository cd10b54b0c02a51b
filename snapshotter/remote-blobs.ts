import type {Digest} from '../src/kernel/digest.ts';
import type {BeginLateWork, LateWork} from '../src/kernel/late-work.ts';
import {KeyedLock} from './keyed-lock.ts';

/** A blob that is somewhere else. */
export type RemoteBlob = {
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
	/** Its bytes from there. They are verified by who takes them in. */
	readonly read: (options: {readonly signal: AbortSignal | undefined}) => AsyncIterable<Uint8Array>;
	/** Who unpacks it does so as part of this work. */
	readonly begin?: BeginLateWork | undefined;
};

/** The blobs that a content store may ask for elsewhere when somebody needs them, as long as the process lives. */
export class RemoteBlobs {
	readonly #blobs = new Map<Digest, RemoteBlob>();
	readonly #lock = new KeyedLock<Digest>();

	/** Adds a blob. Where one is known in two places, the first counts. */
	add(blob: RemoteBlob): void {
		if (!this.#blobs.has(blob.digest)) {
			this.#blobs.set(blob.digest, blob);
		}
	}

	/** Is it known where the blob is? */
	has(digest: Digest): boolean {
		return this.#blobs.has(digest);
	}

	/** Begins work on a blob; `undefined` if nobody is to be told of it. */
	beginWork(digest: Digest): LateWork | undefined {
		return this.#blobs.get(digest)?.begin?.();
	}

	/** Takes in a blob, one at a time for each digest, unless it is known nowhere or `isHere` says that it has come. */
	async bring(digest: Digest, {isHere, takeIn}: {readonly isHere: () => Promise<boolean>; readonly takeIn: (blob: RemoteBlob) => Promise<void>}): Promise<void> {
		const blob = this.#blobs.get(digest);
		if (blob === undefined) {
			return;
		}

		using _lock = await this.#lock.acquire(digest);
		if (!await isHere()) {
			await takeIn(blob);
		}
	}
}
