import test from 'ava';
import {
	aliasCacheKey,
	findCacheRecord,
	insertCacheRecord,
	useCacheRecord,
} from '../../snapshotter/cache-records.ts';
import {openMetadata, type Metadata} from '../../snapshotter/metadata.ts';
import {
	commitSnapshot,
	deleteSnapshot,
	insertActiveSnapshot,
} from '../../snapshotter/snapshot-rows.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const mine = 'session-1';
const other = 'session-2';
const count = 'SELECT count(*) AS count FROM cache_records';

test('a result is found under each of its keys, with the canonical one', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const snapshot = addSnapshot(metadata);
	insertCacheRecord(metadata, {keys: ['a', 'b'], snapshot, description: 'RUN x'});
	for (const key of ['a', 'b']) {
		t.like(findCacheRecord(metadata, key), {canonicalKey: 'a', snapshot, description: 'RUN x'});
	}

	t.is(findCacheRecord(metadata, 'c'), undefined);
});

test('the empty file system is a result', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	insertCacheRecord(metadata, {keys: ['a'], snapshot: null, description: ''});
	const record = findCacheRecord(metadata, 'a')!;
	t.is(record.snapshot, null);
	t.is(useCacheRecord(metadata, record.id, {session: mine}), null);
});

test('a key leads to the newest result, and a record without keys is gone', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	insertCacheRecord(metadata, {keys: ['a', 'b'], snapshot: null, description: 'first'});
	insertCacheRecord(metadata, {keys: ['a'], snapshot: null, description: 'second'});
	t.is(findCacheRecord(metadata, 'a')?.description, 'second');
	t.is(findCacheRecord(metadata, 'b')?.description, 'first');
	insertCacheRecord(metadata, {keys: ['b'], snapshot: null, description: 'third'});
	t.is(metadata.statement(count).get()?.count, 2);
});

test('an alias leads to the record of the other key', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	insertCacheRecord(metadata, {keys: ['a'], snapshot: null, description: 'first'});
	aliasCacheKey(metadata, 'b', 'a');
	aliasCacheKey(metadata, 'b', 'a');
	aliasCacheKey(metadata, 'c', 'missing');
	t.is(findCacheRecord(metadata, 'b')?.canonicalKey, 'a');
	t.is(findCacheRecord(metadata, 'c'), undefined);
});

test('a removed snapshot takes its records and keys along', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const snapshot = addSnapshot(metadata);
	insertCacheRecord(metadata, {keys: ['a', 'b'], snapshot, description: ''});
	const {id} = findCacheRecord(metadata, 'a')!;
	deleteSnapshot(metadata, snapshot, {session: mine});
	t.is(findCacheRecord(metadata, 'a'), undefined);
	t.is(useCacheRecord(metadata, id, {session: mine}), undefined);
	t.is(metadata.statement('SELECT count(*) AS count FROM cache_keys').get()?.count, 0);
});

test('a snapshot that was taken from the cache is not removed by another session', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const snapshot = addSnapshot(metadata);
	insertCacheRecord(metadata, {keys: ['a'], snapshot, description: ''});
	const {id} = findCacheRecord(metadata, 'a')!;
	t.is(useCacheRecord(metadata, id, {session: other}), snapshot);
	t.is(useCacheRecord(metadata, id, {session: other}), snapshot);
	t.throws(() => {
		deleteSnapshot(metadata, snapshot, {session: mine});
	}, {code: 'ERR_TSBUILD_SNAPSHOT_IN_USE'});
	t.is(metadata.statement('SELECT usage_count FROM cache_records').get()?.usage_count, 2);
});

function addSnapshot(metadata: Metadata) {
	const id = insertActiveSnapshot(metadata, {parent: undefined, session: mine});
	commitSnapshot(metadata, id, {session: mine, description: '', bootId: 'boot'});
	return id;
}
