import {digestOf, type Digest} from '../src/kernel/digest.ts';
import type {Metadata} from './metadata.ts';

/** What a server said of a file, and what the file was. */
export type HttpFileVersion = {
	readonly digest: Digest;
	/** As in the header; weak ones without `W/`. */
	readonly etag: string | undefined;
	/** As in the header. */
	readonly lastModified: string | undefined;
};

/** What was last downloaded from an address. */
export function findHttpFile(metadata: Metadata, url: string): HttpFileVersion | undefined {
	const row = metadata.statement('SELECT digest, etag, last_modified FROM http_files WHERE url_digest = ?').get(digestOf(url));
	return row && {
		digest: row.digest as Digest,
		etag: row.etag as string | null ?? undefined,
		lastModified: row.last_modified as string | null ?? undefined,
	};
}

/** Notes what was downloaded from an address, in the place of what was known. */
export function recordHttpFile(metadata: Metadata, url: string, {digest, etag, lastModified}: HttpFileVersion): void {
	metadata
		.statement('INSERT OR REPLACE INTO http_files (url_digest, digest, etag, last_modified) VALUES (?, ?, ?, ?)')
		.run(digestOf(url), digest, etag ?? null, lastModified ?? null);
}
