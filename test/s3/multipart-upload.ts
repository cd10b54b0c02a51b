import {Buffer} from 'node:buffer';
import {createHash, randomBytes} from 'node:crypto';
import {existsSync, readdirSync} from 'node:fs';
import type {IncomingMessage} from 'node:http';
import path from 'node:path';
import test from 'ava';
import {openHttpClient} from '../../src/http/open-http-client.ts';
import {AwsCredentials} from '../../src/s3/aws-credentials.ts';
import {S3Bucket, type S3Content} from '../../src/s3/s3-bucket.ts';
import {s3User, startS3Server, type Fault} from '../support/s3-server.ts';

const mebibyte = 1024 * 1024;

// Two parts and a bit.
const bytes = randomBytes((16 * mebibyte) + 1);

async function openBucket() {
	await using cleanup = new AsyncDisposableStack();
	const server = cleanup.use(await startS3Server('caches'));
	const http = cleanup.use(openHttpClient({environment: {}, userAgent: 'test'}));
	const retries: string[] = [];
	const bucket = new S3Bucket({
		http,
		location: {
			bucket: 'caches', region: 'us-east-1', endpoint: server.endpoint, usesPathStyle: true,
		},
		credentials: new AwsCredentials({accessKeyId: s3User.AWS_ACCESS_KEY_ID, secretAccessKey: s3User.AWS_SECRET_ACCESS_KEY}),
		attempts: 2,
		partsAtOnce: 2,
		onRetry({reason}) {
			retries.push(reason);
		},
	});
	const kept = cleanup.move();
	return {
		bucket,
		server,
		retries,
		/** What has been begun and neither completed nor aborted. */
		openUploads() {
			const directory = path.join(server.directory, 'caches/._S3rver_uploads');
			const begun = existsSync(directory) ? readdirSync(directory) : [];
			return begun.filter(uploadId => server.requests.every(request => !request.startsWith('DELETE ') || !request.endsWith(`?uploadId=${uploadId}`)));
		},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

function contentOf(chunks: Iterable<Uint8Array> = inChunks()): S3Content {
	return {
		size: bytes.length,
		hash: createHash('sha256').update(bytes).digest('hex'),
		async * read() {
			yield * chunks;
		},
	};
}

/**
The bytes.

@yields chunks whose ends are not those of the parts
*/
function * inChunks(): Generator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += 1_000_003) {
		yield bytes.subarray(start, start + 1_000_003);
	}
}

/** Answers the first request that fits, and no other. */
function once(isMeant: (request: IncomingMessage) => boolean, answer: Fault): Fault {
	let isOver = false;
	return (request, response) => {
		if (isOver || !isMeant(request)) {
			return false;
		}

		isOver = true;
		request.resume();
		return answer(request, response);
	};
}

function answerWith(status: number, content = ''): Fault {
	return (_, response) => {
		response.writeHead(status);
		response.end(content);
		return true;
	};
}

const isSecondPart = ({method, url = ''}: IncomingMessage) => method === 'PUT' && url.includes('partNumber=2&');
const isCompletion = ({method, url = ''}: IncomingMessage) => method === 'POST' && url.includes('uploadId=');

test('a large object is sent in parts, each of which is tried again by itself', async t => {
	await using opened = await openBucket();
	const {bucket, server, retries, openUploads} = opened;
	server.faults.add(once(isSecondPart, answerWith(503, '<Error><Code>SlowDown</Code><Message>Wait.</Message></Error>')));
	await bucket.write('large', contentOf(), {});
	const read = await Array.fromAsync(bucket.read('large', {size: bytes.length}));
	t.true(Buffer.concat(read).equals(bytes));
	t.deepEqual(retries, ['operation error S3: UploadPart, api error SlowDown: Wait.']);
	const parts = server.requests.flatMap(request => /partNumber=(?<number>\d+)/v.exec(request)?.groups?.number ?? []);
	t.deepEqual(parts.toSorted(), ['1', '2', '2', '3']);
	t.deepEqual(openUploads(), []);
});

test('an object of one part is sent whole', async t => {
	await using opened = await openBucket();
	const {bucket, server} = opened;
	await bucket.write('small', {...contentOf([bytes.subarray(0, 8 * mebibyte)]), size: 8 * mebibyte, hash: 'UNSIGNED-PAYLOAD'}, {});
	t.deepEqual(server.requests, ['PUT /caches/small']);
});

test('when a part is refused, nothing of the object stays', async t => {
	await using opened = await openBucket();
	const {bucket, server, openUploads} = opened;
	server.faults.add(once(isSecondPart, answerWith(403, '<Error><Code>AccessDenied</Code><Message>No.</Message></Error>')));
	await t.throwsAsync(bucket.write('large', contentOf(), {}), {code: 'ERR_TSBUILD_S3_DENIED', message: 'operation error S3: UploadPart, api error AccessDenied: No.'});
	t.deepEqual(openUploads(), []);
	t.is(await bucket.find('large', {}), undefined);
});

test('when the content turns out to be wrong, nothing of the object stays', async t => {
	await using opened = await openBucket();
	const {bucket, openUploads} = opened;
	function * wrong() {
		yield * inChunks();
		throw new Error('not its digest');
	}

	const content = contentOf(wrong());
	await t.throwsAsync(bucket.write('large', content, {}), {message: 'not its digest'});
	t.deepEqual(openUploads(), []);
	t.is(await bucket.find('large', {}), undefined);
});

test('when the build is interrupted, nothing of the object stays', async t => {
	await using opened = await openBucket();
	const {bucket, openUploads} = opened;
	const interruption = new AbortController();
	function * interrupted() {
		yield * inChunks();
		interruption.abort(new Error('interrupted'));
	}

	const content = contentOf(interrupted());
	await t.throwsAsync(bucket.write('large', content, {signal: interruption.signal}), {message: 'interrupted'});
	t.deepEqual(openUploads(), []);
	t.is(await bucket.find('large', {}), undefined);
});

test('an end that turns out to be an error is tried again', async t => {
	await using opened = await openBucket();
	const {bucket, server, retries} = opened;
	server.faults.add(once(isCompletion, answerWith(200, '<Error><Code>InternalError</Code><Message>Try again.</Message></Error>')));
	await bucket.write('large', contentOf(), {});
	t.deepEqual(retries, ['operation error S3: CompleteMultipartUpload, api error InternalError: Try again.']);
	const found = await bucket.find('large', {});
	t.is(found?.size, bytes.length);
});

test('an end whose answer got lost is one', async t => {
	await using opened = await openBucket();
	const {bucket, server, retries} = opened;
	server.faults.add(once(isCompletion, answerWith(500)));
	server.faults.add(once(isCompletion, answerWith(404, '<Error><Code>NoSuchUpload</Code><Message>Gone.</Message></Error>')));
	await bucket.write('large', contentOf(), {});
	t.is(retries.length, 1);
});

test('an upload that somebody has removed is told of', async t => {
	await using opened = await openBucket();
	const {bucket, server} = opened;
	server.faults.add(once(isCompletion, answerWith(404, '<Error><Code>NoSuchUpload</Code><Message>Gone.</Message></Error>')));
	await t.throwsAsync(bucket.write('large', contentOf(), {}), {code: 'ERR_TSBUILD_S3_NOT_FOUND'});
});

test('what is too large for one copy is copied in parts', async t => {
	await using opened = await openBucket();
	const {bucket, server} = opened;
	const ranges: unknown[] = [];
	// S3rver copies no parts, and has no room for such objects.
	server.faults.add(({method, headers}, response) => {
		ranges.push(...(method === 'PUT' ? [headers['x-amz-copy-source-range']] : []));
		response.end(method === 'PUT' ? '<CopyPartResult><ETag>&quot;tag&quot;</ETag></CopyPartResult>' : '<R><UploadId>some/upload</UploadId></R>');
		return true;
	});
	await bucket.touch('huge', {size: (5 * 1024 * mebibyte) + 1});
	t.deepEqual(ranges.map(String).toSorted(), [
		'bytes=0-1073741823',
		'bytes=1073741824-2147483647',
		'bytes=2147483648-3221225471',
		'bytes=3221225472-4294967295',
		'bytes=4294967296-5368709119',
		'bytes=5368709120-5368709120',
	]);
	t.is(server.requests.at(-1), 'POST /caches/huge?uploadId=some/upload');
});
