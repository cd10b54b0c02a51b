import type {Metadata} from '../../snapshotter/metadata.ts';
import type {Digest} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';

/** What a reference was found to be. */
export type Resolution = {
	/** Of a manifest or an index. */
	readonly descriptor: Descriptor;
	/** Milliseconds since the epoch. */
	readonly resolvedAt: number;
};

/** What a full reference was last found to be in its registry. */
export function findResolution(metadata: Metadata, reference: string): Resolution | undefined {
	const row = metadata.statement('SELECT digest, media_type, size, resolved_at FROM image_resolutions WHERE reference = ?').get(reference);
	return row && {
		descriptor: {mediaType: row.media_type as string, digest: row.digest as Digest, size: row.size as number},
		resolvedAt: row.resolved_at as number,
	};
}

/** Notes what a full reference was found to be, in the place of what was known. */
export function recordResolution(metadata: Metadata, reference: string, {mediaType, digest, size}: Descriptor): void {
	metadata
		.statement('INSERT OR REPLACE INTO image_resolutions (reference, digest, media_type, size, resolved_at) VALUES (?, ?, ?, ?, ?)')
		.run(reference, digest, mediaType, size, Date.now());
}
