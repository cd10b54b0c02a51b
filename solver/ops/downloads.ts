import PQueue from 'p-queue';
import type {Digest} from '../../src/kernel/digest.ts';
import {KeyedLock} from '../../snapshotter/keyed-lock.ts';

// That of BuildKit.
// https://github.com/moby/buildkit/blob/v0.32.2/util/resolver/limited/group.go
const maximumConcurrency = 4;

/**
What bounds the layers that all images of a build have on their way: four from each place, and the same blob one at a time, so that the second finds it there.
*/
export class Downloads {
	readonly #queues = new Map<string, PQueue>();
	readonly #blobs = new KeyedLock<Digest>();

	/** Does `work` for a blob of a place, a registry or directory, when it is its turn: first come, first served. */
	async add(place: string, digest: Digest, work: () => Promise<void>): Promise<void> {
		const queue = this.#queues.get(place) ?? new PQueue({concurrency: maximumConcurrency});
		this.#queues.set(place, queue);
		await queue.add(async () => {
			using _lock = await this.#blobs.acquire(digest);
			await work();
		});
	}
}
