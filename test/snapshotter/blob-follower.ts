import {Buffer} from 'node:buffer';
import test from 'ava';
import {BlobFollower} from '../../snapshotter/blob-follower.ts';
import {createLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const mebibyte = Buffer.alloc(1024 * 1024, 'x');

type Fixture = AsyncDisposable & {readonly content: ContentStore; readonly follower: BlobFollower};

async function openFixture(): Promise<Fixture> {
	await using resources = new AsyncDisposableStack();
	const {path} = resources.use(await makeTemporaryDirectory());
	const follower = resources.use(new BlobFollower());
	const content = await createLayout(path);
	const kept = resources.move();
	return {content, follower, [Symbol.asyncDispose]: async () => kept.disposeAsync()};
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	return Buffer.concat(await Array.fromAsync(chunks));
}

test('what is there is read before the rest has come', async t => {
	await using fixture = await openFixture();
	const {content, follower} = fixture;
	const rest = Promise.withResolvers<void>();
	const blob = content.ingest((async function * () {
		yield mebibyte;
		await rest.promise;
		yield mebibyte;
	})(), {observer: follower});
	const reader = follower.read(0);
	const {value: first} = await reader.next();
	t.true(first!.length > 0);
	rest.resolve();
	const {size} = await blob;
	follower.end(blob);
	const others = await collect(reader);
	t.is(first!.length + others.length, size);
});

test('several readers get the same bytes, each from its offset, also after the end', async t => {
	await using fixture = await openFixture();
	const {content, follower} = fixture;
	const bytes = Buffer.from(Array.from({length: 700_000}, (_, index) => index % 251));
	const readers = [0, 1, 300_000].map(async offset => collect(follower.read(offset)));
	const blob = content.ingest((async function * () {
		yield bytes.subarray(0, 400_000);
		yield bytes.subarray(400_000);
	})(), {observer: follower});
	const {digest} = await blob;
	follower.end(blob);
	const [all, second, middle] = await Promise.all(readers);
	t.true(all!.equals(bytes));
	t.true(second!.equals(bytes.subarray(1)));
	t.true(middle!.equals(bytes.subarray(300_000)));
	await content.remove(digest);
	const late = await collect(follower.read(699_999));
	t.true(late.equals(bytes.subarray(699_999)));
	const nothing = await collect(follower.read(700_000));
	t.is(nothing.length, 0);
});

test('a blob that fails fails for its readers', async t => {
	await using fixture = await openFixture();
	const {content, follower} = fixture;
	const reason = new Error('no more');
	const blob = content.ingest((async function * () {
		yield mebibyte;
		throw reason;
	})(), {observer: follower});
	const reading = collect(follower.read(0));
	await t.throwsAsync(blob, {is: reason});
	follower.end(blob);
	await t.throwsAsync(reading, {is: reason});
	await t.throwsAsync(collect(follower.read(10)), {is: reason});
});
