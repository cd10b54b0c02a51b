/**
The steps that lead from an empty database to the present schema. Step n (from 1) brings `user_version` n. A step that was released is never changed: a later change of the schema is a new step.

@see https://sqlite.org/pragma.html#pragma_user_version
*/
export const migrations: readonly string[] = [`
	-- AUTOINCREMENT: the id of a removed snapshot is never given again, also not to another process that still remembers it.
	CREATE TABLE snapshots (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		parent INTEGER REFERENCES snapshots (id),
		state TEXT NOT NULL CHECK (state IN ('active', 'committed')),
		-- The session that an active snapshot belongs to.
		session TEXT,
		-- Milliseconds since the epoch, like all times here.
		created_at INTEGER NOT NULL,
		description TEXT NOT NULL DEFAULT '',
		-- The boot during which it was committed, until its files are known to be on the disk; then NULL.
		unsynced_boot TEXT,
		CHECK ((state = 'active') = (session IS NOT NULL))
	) STRICT;
	CREATE INDEX snapshots_by_parent ON snapshots (parent);
	CREATE INDEX snapshots_by_session ON snapshots (session) WHERE session IS NOT NULL;
	CREATE INDEX snapshots_unsynced ON snapshots (unsynced_boot) WHERE unsynced_boot IS NOT NULL;

	-- The layer that a snapshot adds to its parent. The blob may be missing in the content store: then it is made again.
	CREATE TABLE layers (
		snapshot INTEGER PRIMARY KEY REFERENCES snapshots (id) ON DELETE CASCADE,
		chain_id TEXT,
		diff_id TEXT NOT NULL,
		digest TEXT,
		size INTEGER,
		media_type TEXT
	) STRICT;
	CREATE INDEX layers_by_chain_id ON layers (chain_id);

	-- The same layer in another compression.
	CREATE TABLE blob_variants (
		source TEXT NOT NULL,
		media_type TEXT NOT NULL,
		digest TEXT NOT NULL,
		size INTEGER NOT NULL,
		PRIMARY KEY (source, media_type)
	) STRICT, WITHOUT ROWID;

	-- A result of a step. NULL as snapshot is the empty file system.
	CREATE TABLE cache_records (
		id INTEGER PRIMARY KEY,
		canonical_key TEXT NOT NULL,
		snapshot INTEGER REFERENCES snapshots (id) ON DELETE CASCADE,
		description TEXT NOT NULL,
		created_at INTEGER NOT NULL,
		last_used_at INTEGER NOT NULL,
		usage_count INTEGER NOT NULL DEFAULT 0
	) STRICT;
	CREATE INDEX cache_records_by_snapshot ON cache_records (snapshot);
	CREATE TABLE cache_keys (
		key TEXT PRIMARY KEY,
		record INTEGER NOT NULL REFERENCES cache_records (id) ON DELETE CASCADE
	) STRICT, WITHOUT ROWID;
	CREATE INDEX cache_keys_by_record ON cache_keys (record);

	CREATE TABLE images (
		name TEXT PRIMARY KEY,
		config_digest TEXT NOT NULL,
		manifest_digest TEXT NOT NULL,
		created_at INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;

	-- What a living session still needs, so that nobody else removes it.
	CREATE TABLE leases (
		session TEXT NOT NULL,
		kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'blob')),
		resource TEXT NOT NULL,
		PRIMARY KEY (session, kind, resource)
	) STRICT, WITHOUT ROWID;
	CREATE INDEX leases_by_resource ON leases (kind, resource);

	-- What was in a host's file, as long as nothing in this row changes. Times are nanoseconds.
	CREATE TABLE file_digests (
		device INTEGER NOT NULL,
		inode INTEGER NOT NULL,
		size INTEGER NOT NULL,
		modified_at INTEGER NOT NULL,
		changed_at INTEGER NOT NULL,
		sha256 TEXT NOT NULL,
		attributes TEXT NOT NULL,
		UNIQUE (device, inode)
	) STRICT;
`, `
	-- Bytes on the disk of a committed snapshot's own tree; NULL until somebody asked.
	ALTER TABLE snapshots ADD COLUMN size INTEGER;

	CREATE INDEX layers_by_digest ON layers (digest);
	CREATE INDEX blob_variants_by_digest ON blob_variants (digest);

	-- A lease on an image, named by its manifest, is one on all blobs that the manifest names.
	CREATE TABLE new_leases (
		session TEXT NOT NULL,
		kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'blob', 'image')),
		resource TEXT NOT NULL,
		PRIMARY KEY (session, kind, resource)
	) STRICT, WITHOUT ROWID;
	INSERT INTO new_leases SELECT session, kind, resource FROM leases;
	DROP TABLE leases;
	ALTER TABLE new_leases RENAME TO leases;
	CREATE INDEX leases_by_resource ON leases (kind, resource);
`, `
	-- What the references of images were found to be, for the time when their registry is out of reach.
	CREATE TABLE image_resolutions (
		reference TEXT PRIMARY KEY,
		digest TEXT NOT NULL,
		media_type TEXT NOT NULL,
		size INTEGER NOT NULL,
		resolved_at INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
`, `
	-- Another level of the same compression is another blob; -1 is the level of the format's own choice.
	CREATE TABLE new_blob_variants (
		source TEXT NOT NULL,
		media_type TEXT NOT NULL,
		level INTEGER NOT NULL,
		digest TEXT NOT NULL,
		size INTEGER NOT NULL,
		PRIMARY KEY (source, media_type, level)
	) STRICT, WITHOUT ROWID;
	INSERT INTO new_blob_variants SELECT source, media_type, -1, digest, size FROM blob_variants;
	DROP TABLE blob_variants;
	ALTER TABLE new_blob_variants RENAME TO blob_variants;
	CREATE INDEX blob_variants_by_digest ON blob_variants (digest);

	-- Repositories that are known to have a blob: a registry can take it over from there.
	CREATE TABLE blob_sources (
		digest TEXT NOT NULL,
		domain TEXT NOT NULL,
		path TEXT NOT NULL,
		known_at INTEGER NOT NULL,
		PRIMARY KEY (digest, domain, path)
	) STRICT, WITHOUT ROWID;

	-- Images that were made without a name. They keep nothing: who removes unused blobs ends them.
	CREATE TABLE nameless_images (
		config_digest TEXT PRIMARY KEY,
		manifest_digest TEXT NOT NULL,
		created_at INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
`, `
	-- Whether only the layer of a committed snapshot exists so far, and no files.
	ALTER TABLE snapshots ADD COLUMN is_packed INTEGER NOT NULL DEFAULT 0 CHECK (is_packed IN (0, 1));
	-- Of a snapshot that was packed at first: the parts of a second in the times of its entries, which the layer itself leaves out.
	-- Each takes 4 bytes, the lowest first, in nanoseconds.
	ALTER TABLE snapshots ADD COLUMN packed_times BLOB;
`, `
	-- What was in a directory tree of the host, as long as no file in it changes.
	CREATE TABLE tree_digests (
		-- Of the names and states of all its files.
		fingerprint TEXT NOT NULL UNIQUE,
		sha256 TEXT NOT NULL
	) STRICT;
`, `
	-- What was last downloaded from an address of the web, as long as its server says that it is the same.
	CREATE TABLE http_files (
		-- Of the address, which may hold a password.
		url_digest TEXT PRIMARY KEY,
		digest TEXT NOT NULL,
		etag TEXT,
		last_modified TEXT
	) STRICT, WITHOUT ROWID;
`, `
	-- What the key of a record is made of, for who wants to know why a later step is not found.
	CREATE TABLE step_facts (
		record INTEGER PRIMARY KEY REFERENCES cache_records (id) ON DELETE CASCADE,
		-- The project and the stage, what is done there, and the root that it is done to. Each is the beginning of a SHA-256.
		place BLOB NOT NULL,
		title BLOB NOT NULL,
		root BLOB,
		-- JSON.
		facts TEXT NOT NULL
	) STRICT;
	CREATE INDEX step_facts_by_place ON step_facts (place);
	CREATE INDEX step_facts_by_title ON step_facts (title);
	-- The contents that a record was made of.
	CREATE TABLE step_contents (
		record INTEGER NOT NULL REFERENCES step_facts (record) ON DELETE CASCADE,
		content TEXT NOT NULL,
		PRIMARY KEY (record, content)
	) STRICT, WITHOUT ROWID;
	CREATE INDEX step_contents_by_content ON step_contents (content);
	-- The files of a content.
	CREATE TABLE content_listings (
		content TEXT PRIMARY KEY,
		listing BLOB NOT NULL
	) STRICT;
	CREATE TRIGGER content_listings_end AFTER DELETE ON step_contents BEGIN
		DELETE FROM content_listings WHERE content = old.content AND NOT EXISTS (SELECT 1 FROM step_contents WHERE content = old.content);
	END;
`, `
	-- Keys of results that a record from the cache of somebody else was made of. They say what later keys are made of, and have no results here.
	CREATE TABLE implied_keys (
		key TEXT PRIMARY KEY,
		canonical_key TEXT NOT NULL,
		record INTEGER NOT NULL REFERENCES cache_records (id) ON DELETE CASCADE
	) STRICT, WITHOUT ROWID;
	CREATE INDEX implied_keys_by_record ON implied_keys (record);
`, `
	-- Whether a committed snapshot holds files of a git repository.
	ALTER TABLE snapshots ADD COLUMN is_checkout INTEGER NOT NULL DEFAULT 0 CHECK (is_checkout IN (0, 1));
`];
