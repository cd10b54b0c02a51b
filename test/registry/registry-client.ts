import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import {
	blobOf,
	noise,
	openTestClient,
	pushTestImage,
	readAll,
} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';

test('what was pushed is what is pulled', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const {reference, layer, manifest} = await pushTestImage(client, `${registry.host}/some/image:1`, 5_000_000);
	const descriptor = await client.resolve(reference);
	t.deepEqual(descriptor, {mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length});
	const fetched = await client.fetchManifest(reference, descriptor);
	t.deepEqual(Buffer.from(fetched), Buffer.from(manifest));
	t.deepEqual(await client.resolve({...reference, digest: descriptor.digest}), descriptor);
	const read = await readAll(client.readBlob(reference, {digest: digestOf(layer), size: layer.length}));
	t.deepEqual(read, Buffer.from(layer));
});

test('an image that is not there is not found, in the words of BuildKit', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	await t.throwsAsync(client.resolve(parseReference(`${registry.host}/no/such`)), {
		code: 'ERR_TSBUILD_REGISTRY_NOT_FOUND',
		message: `${registry.host}/no/such:latest: not found`,
	});
});

test('a blob is known in its own repository, and mounted into others', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const [first, second] = [parseReference(`${registry.host}/first`), parseReference(`${registry.host}/second`)];
	const bytes = noise(1000);
	const digest = digestOf(bytes);
	await client.uploadBlob(first, blobOf(bytes));
	t.deepEqual([await client.hasBlob(first, digest), await client.hasBlob(second, digest)], [true, false]);
	t.true(await client.mountBlob(second, {digest, from: first}));
	t.true(await client.hasBlob(second, digest));
	t.false(await client.mountBlob(second, {digest: digestOf('another'), from: first}));
	t.false(await client.mountBlob(second, {digest, from: parseReference('localhost:1/first')}));
});

test('a blob may be made while it is uploaded', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const repository = parseReference(`${registry.host}/streamed`);
	const bytes = noise(3_000_000);
	const made = Promise.withResolvers<{readonly digest: ReturnType<typeof digestOf>; readonly size: number}>();
	const progress: number[] = [];
	await client.uploadBlob(repository, {
		descriptor: made.promise,
		async * content(offset) {
			yield * blobOf(bytes).content(offset);
			made.resolve({digest: digestOf(bytes), size: bytes.length});
		},
	}, {
		onProgress(sent) {
			progress.push(sent);
		},
	});
	t.is(progress.at(-1), bytes.length);
	const read = await readAll(client.readBlob(repository, await made.promise));
	t.deepEqual(read, Buffer.from(bytes));
});

test('content that cannot be read fails the upload with its own error', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const error = new Error('the disk is gone');
	await t.throwsAsync(client.uploadBlob(parseReference(`${registry.host}/broken`), {
		descriptor: {digest: digestOf('x'), size: 10},
		async * content() {
			yield new Uint8Array(5);
			throw error;
		},
	}), {is: error});
});

test('content of another length than its descriptor says is refused', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const {content} = blobOf(noise(10));
	await t.throwsAsync(client.uploadBlob(parseReference(`${registry.host}/short`), {descriptor: {digest: digestOf('x'), size: 100}, content}), {code: 'ERR_TSBUILD_CONTENT'});
	await t.throwsAsync(client.uploadBlob(parseReference(`${registry.host}/long`), {descriptor: {digest: digestOf('x'), size: 5}, content}), {code: 'ERR_TSBUILD_CONTENT'});
});

test('a signal ends what is under way', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient();
	const controller = new AbortController();
	const reason = new Error('enough');
	await t.throwsAsync(client.uploadBlob(parseReference(`${registry.host}/endless`), {
		descriptor: {digest: digestOf('x'), size: 100_000_000},
		async * content() {
			yield new Uint8Array(100_000);
			controller.abort(reason);
			await Promise.withResolvers<never>().promise;
		},
	}, {signal: controller.signal}), {is: reason});
	await t.throwsAsync(client.resolve(parseReference(`${registry.host}/endless`), {signal: controller.signal}), {is: reason});
});
