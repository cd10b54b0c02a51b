import type {SourceImageOperation} from '../definition/operations.ts';
import type {Digest} from '../kernel/digest.ts';
import type {ImageConfig} from '../kernel/oci-types.ts';

/** An image that a FROM names, found. */
export type FoundImage = {
	/** Full reference; that of an image of a registry with the digest that it was resolved to, which may be that of an index. */
	readonly reference: string;
	/** Of the manifest for the platform. */
	readonly manifestDigest: Digest;
	readonly location: SourceImageOperation['location'];
	/** Also tells the platform that was found. */
	readonly config: ImageConfig;
};
