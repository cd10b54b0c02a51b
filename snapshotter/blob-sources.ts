import type {Digest} from '../src/kernel/digest.ts';
import type {Reference} from '../src/kernel/reference.ts';
import type {Metadata} from './metadata.ts';

/** A place in a registry where blobs are. */
type Repository = Pick<Reference, 'domain' | 'path'>;

// The newest ones are the likeliest to be there still, and each that is not costs a question.
const maximumSources = 3;

/** Notes that a repository has a blob: it was pulled from there, or pushed to there. */
export function recordBlobSource(metadata: Metadata, digest: Digest, {domain, path}: Repository): void {
	metadata.statement('INSERT OR REPLACE INTO blob_sources (digest, domain, path, known_at) VALUES (?, ?, ?, ?)').run(digest, domain, path, Date.now());
}

/** Other repositories of the same registry that had a blob when we last heard of them, the newest first. */
export function findBlobSources(metadata: Metadata, digest: Digest, {domain, path}: Repository): readonly Repository[] {
	const rows = metadata.statement('SELECT path FROM blob_sources WHERE digest = ? AND domain = ? AND path <> ? ORDER BY known_at DESC LIMIT ?').all(digest, domain, path, maximumSources);
	return rows.map(row => ({domain, path: row.path as string}));
}
