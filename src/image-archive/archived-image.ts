import type {DiffId} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {ImageIdentity} from '../exporter/image-store.ts';

/** An image that an archive holds. Its documents are in the content store, of its layers nothing is known yet but what it says. */
export type ArchivedImage = ImageIdentity & {
	/** Lowest first. */
	readonly layers: ReadonlyArray<{readonly diffId: DiffId; readonly descriptor: Descriptor}>;
	/** As the archive has them. */
	readonly names: readonly string[];
};
