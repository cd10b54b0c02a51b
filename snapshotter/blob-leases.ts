import type {Digest} from '../src/kernel/digest.ts';
import type {Metadata} from './metadata.ts';

/**
Keeps other sessions from removing a blob as long as this one lives.

Blobs are removed within a transaction, so one that is there after this call stays.
*/
export function holdBlob(metadata: Metadata, digest: Digest, {session}: {readonly session: string}): void {
	metadata.statement('INSERT OR IGNORE INTO leases (session, kind, resource) VALUES (?, \'blob\', ?)').run(session, digest);
}

/**
Keeps other sessions from removing an image's manifest and what that names. Belongs into the transaction that found the image.
*/
export function holdImage(metadata: Metadata, manifest: Digest, {session}: {readonly session: string}): void {
	metadata.statement('INSERT OR IGNORE INTO leases (session, kind, resource) VALUES (?, \'image\', ?)').run(session, manifest);
}
