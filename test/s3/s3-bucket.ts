import test from 'ava';
import {openHttpClient} from '../../src/http/open-http-client.ts';
import {AwsCredentials} from '../../src/s3/aws-credentials.ts';
import {S3Bucket} from '../../src/s3/s3-bucket.ts';
import type {S3Error} from '../../src/s3/s3-error.ts';
import {startWebServer, type WebFile} from '../support/web-server.ts';

/** A bucket whose object `key` is answered like this. */
async function askFor(file: WebFile, attempts = 1) {
	await using server = await startWebServer({'/caches/key': file});
	using http = openHttpClient({environment: {}, userAgent: 'test'});
	const waits: string[] = [];
	const bucket = new S3Bucket({
		http,
		location: {
			bucket: 'caches', region: 'us-east-1', endpoint: `http://${server.host}`, usesPathStyle: true,
		},
		credentials: new AwsCredentials({accessKeyId: 'somebody', secretAccessKey: 'very secret', sessionToken: 'hidden token'}),
		attempts,
		partsAtOnce: 2,
		onRetry({reason}) {
			waits.push(reason);
			server.files.set('/caches/key', {content: 'content'});
		},
	});
	const bytes = await bucket.readWhole('key', {maximumSize: 100});
	return {text: bytes && new TextDecoder().decode(bytes), waits};
}

test('what may pass by itself is tried again', async t => {
	const {text, waits} = await askFor({status: 503, content: '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'}, 2);
	t.is(text, 'content');
	t.deepEqual(waits, ['operation error S3: GetObject, api error SlowDown: Please reduce your request rate.']);
});

test('an object that is not there is none', async t => {
	const {text} = await askFor({status: 404, content: '<Error><Code>NoSuchKey</Code></Error>'});
	t.is(text, undefined);
});

test('a bucket in another region is told of', async t => {
	const error = await t.throwsAsync<S3Error>(askFor({status: 301, headers: {'x-amz-bucket-region': 'eu-west-1'}}), {code: 'ERR_TSBUILD_S3_STATUS'});
	t.is(error.hint, 'The bucket caches is in another region: region=eu-west-1.');
});

test('a signed request is not sent to where a redirect leads', async t => {
	await using other = await startWebServer();
	await t.throwsAsync(askFor({status: 307, headers: {location: `http://${other.host}/stolen`}}), {code: 'ERR_TSBUILD_S3_STATUS'});
	t.deepEqual(other.requests, []);
});

test('what a server says is shown without secrets and without what a terminal obeys', async t => {
	const error = await t.throwsAsync(askFor({status: 403, content: '<Code>No\u{1B}[2J</Code><Message>very secret &amp; hidden token</Message>'}), {code: 'ERR_TSBUILD_S3_DENIED'});
	t.is(error.message, 'operation error S3: GetObject, api error No [2J: *** & ***');
});

test('a document without an end is not read to its end', async t => {
	await t.throwsAsync(askFor({content: 'x'.repeat(101)}), {code: 'ERR_TSBUILD_S3_STATUS', message: /more than the 100 bytes/v});
});
