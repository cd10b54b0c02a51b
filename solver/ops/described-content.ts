import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import {FileListing} from '../../snapshotter/file-listing.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {ContentDescription, ContentDigest} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {openSourceTree, type SourceTree} from './source-tree.ts';

/** Digests the parts of an input that an operation takes, one after the other. */
export type PartsDigest = (tree: SourceTree, signal: AbortSignal) => Promise<readonly Digest[]>;

type Digested = {
	readonly digest: Promise<Digest>;
	readonly listing: FileListing;
};

/**
A content digest that knows afterwards which files it was made of. Each result is digested once, whoever asks.
*/
export class DescribedContent {
	readonly #store: Pick<Store, 'root' | 'snapshotter'>;
	readonly #digestParts: PartsDigest;
	readonly #digested = new WeakMap<BuildResult, Digested>();

	readonly digest: ContentDigest<BuildResult> = async (result, signal) => {
		const digested = this.#digested.get(result) ?? this.#begin(result, signal);
		this.#digested.set(result, digested);
		return digested.digest;
	};

	/** The `FileListing` of the content, encoded. */
	readonly describe: ContentDescription<BuildResult> = async (result, signal) => {
		const digested = this.#digested.get(result);
		if (digested !== undefined) {
			await digested.digest;
		}

		return digested?.listing.isComplete === true ? digested.listing.encode() : this.#list(result, signal);
	};

	constructor(store: Pick<Store, 'root' | 'snapshotter'>, digestParts: PartsDigest) {
		this.#store = store;
		this.#digestParts = digestParts;
	}

	#begin(result: BuildResult, signal: AbortSignal): Digested {
		const listing = new FileListing({needsEveryFile: false});
		return {digest: this.#digest(result, listing, signal), listing};
	}

	async #digest(result: BuildResult, listing: FileListing, signal: AbortSignal): Promise<Digest> {
		using tree = await openSourceTree(result, this.#store);
		return canonicalDigest(await this.#digestParts({...tree, listing}, signal));
	}

	/** Where the tree was known as a whole. Its files are known too, so that hardly any is read again. */
	async #list(result: BuildResult, signal: AbortSignal): Promise<Uint8Array> {
		const listing = new FileListing({needsEveryFile: true});
		using tree = await openSourceTree(result, this.#store);
		await this.#digestParts({...tree, listing}, signal);
		return listing.encode();
	}
}
