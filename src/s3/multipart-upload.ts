import {Buffer} from 'node:buffer';
import {createHash} from 'node:crypto';
import type PQueue from 'p-queue';
import {withRetries} from '../http/retry.ts';
import type {S3Connection} from './s3-connection.ts';
import {S3Error} from './s3-error.ts';
import {escapeXml, textOf} from './xml-text.ts';

/** What is larger than so many bytes is sent in parts, as by the program of AWS. */
export const maximumWholeSize = 8 * 1024 * 1024;

// The limits are those of https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: a part has at least 5 MiB, if it is not the last one.
const usualPartSize = 8 * 1024 * 1024;
const maximumParts = 10_000;

// Nothing of it passes through here. A part has at most 5 GiB.
const copiedPartSize = 1024 ** 3;

// Whoever ends the build does not wait long for what is only tidied up.
const abortMilliseconds = 5000;

/** What parts are sent with. */
export type PartsContext = {
	readonly connection: S3Connection;
	/** Bounds the parts of all objects that are sent at once. */
	readonly parts: PQueue;
	readonly signal: AbortSignal | undefined;
};

/** What is sent in parts. */
export type ContentInParts = {
	/** Bytes. */
	readonly size: number;
	readonly read: () => AsyncIterable<Uint8Array>;
};

/** An object that is copied in parts. */
export type ObjectToCopy = {
	/** The bucket and the key, encoded. */
	readonly source: string;
	/** Bytes. */
	readonly size: number;
};

type Upload = PartsContext & {readonly key: string; readonly uploadId: string};

/** Sends one part; `signal` ends when another one has failed. Returns its entity tag. */
type SendPart = (signal: AbortSignal) => Promise<string>;

/** The parts in their order; the next one is asked for when there is room for it. */
type Parts = (upload: Upload) => AsyncIterable<SendPart> | Iterable<SendPart>;

/**
Writes a large object in parts, each of which is tried again by itself. The content is read once, and one part of it more than are being sent is held. When it fails, what was sent is removed again.

@throws as `S3Connection`; what `read` throws
@see https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
*/
export async function writeInParts(key: string, {size, read}: ContentInParts, context: PartsContext): Promise<void> {
	const partSize = Math.max(usualPartSize, Math.ceil(size / maximumParts));
	await uploadParts(key, context, async function * (upload) {
		let number = 0;
		for await (const bytes of cut(read(), partSize)) {
			number++;
			yield partOfBytes(upload, number, bytes);
		}
	});
}

/**
Copies an object onto itself that is too large for one request. When it fails, it stays as it was.

@throws as `S3Connection`
@see https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
*/
export async function copyInParts(key: string, {source, size}: ObjectToCopy, context: PartsContext): Promise<void> {
	const partSize = Math.max(copiedPartSize, Math.ceil(size / maximumParts));
	await uploadParts(key, context, upload => Array.from({length: Math.ceil(size / partSize)}, (_, index) => {
		const start = index * partSize;
		const last = Math.min(start + partSize, size) - 1;
		return copiedPart(upload, index + 1, {'x-amz-copy-source': source, 'x-amz-copy-source-range': `bytes=${start}-${last}`});
	}));
}

async function uploadParts(key: string, context: PartsContext, parts: Parts): Promise<void> {
	const upload: Upload = {...context, key, uploadId: await begin(key, context)};
	try {
		await complete(upload, await sendAll(parts(upload), context));
	} catch (error) {
		await abort(upload);
		throw error;
	}
}

async function begin(key: string, {connection, signal}: PartsContext): Promise<string> {
	return withRetries(async () => {
		const document = await connection.writeAndRead({
			operation: 'CreateMultipartUpload', method: 'POST', key, query: {uploads: ''}, expect: [200], signal,
		});
		const uploadId = textOf(document, 'UploadId');
		if (uploadId === '') {
			throw incomplete('CreateMultipartUpload', 'UploadId');
		}

		return uploadId;
	}, connection.retryOptions(signal));
}

/** Returns the entity tags of all parts. Nothing is being sent any more when it returns or throws. */
async function sendAll(parts: ReturnType<Parts>, {parts: queue, signal}: PartsContext): Promise<readonly string[]> {
	const failure = new AbortController();
	const either = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
	const sent: Array<Promise<string>> = [];
	try {
		for await (const send of parts) {
			either.throwIfAborted();
			sent.push(queue.add(async () => sendUnlessFailed(send, {failure, either})));
			await queue.onSizeLessThan(1);
		}
	} finally {
		await Promise.all(sent);
	}

	either.throwIfAborted();
	return Promise.all(sent);
}

/** Does not throw: whoever cuts the next part would not see it in time. */
async function sendUnlessFailed(send: SendPart, {failure, either}: {readonly failure: AbortController; readonly either: AbortSignal}): Promise<string> {
	try {
		either.throwIfAborted();
		return await send(either);
	} catch (error) {
		failure.abort(error);
		return '';
	}
}

function partOfBytes({connection, key, uploadId}: Upload, number: number, bytes: Uint8Array): SendPart {
	const payloadHash = createHash('sha256').update(bytes).digest('hex');
	return async signal => withRetries(async () => {
		const {headers: {etag = ''}} = await connection.write({
			operation: 'UploadPart', method: 'PUT', key, query: {partNumber: String(number), uploadId}, body: bytes, payloadHash, expect: [200], signal,
		});
		return checkTag(etag, 'UploadPart');
	}, connection.retryOptions(signal));
}

function copiedPart({connection, key, uploadId}: Upload, number: number, headers: Readonly<Record<string, string>>): SendPart {
	return async signal => withRetries(async () => {
		const document = await connection.writeAndRead({
			operation: 'UploadPartCopy', method: 'PUT', key, query: {partNumber: String(number), uploadId}, headers, expect: [200], signal,
		});
		return checkTag(textOf(document, 'ETag'), 'UploadPartCopy');
	}, connection.retryOptions(signal));
}

/** What was completed by an attempt whose answer got lost is unknown to the next one, and there. */
async function complete({connection, key, uploadId, signal}: Upload, tags: readonly string[]): Promise<void> {
	const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`);
	const body = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`);
	const payloadHash = createHash('sha256').update(body).digest('hex');
	let isFirst = true;
	await withRetries(async () => {
		const canBeDone = !isFirst;
		isFirst = false;
		const document = await connection.askForDocument({
			operation: 'CompleteMultipartUpload', method: 'POST', key, query: {uploadId}, body, payloadHash, expect: [200], signal,
		});
		if (document === undefined && !canBeDone) {
			throw new S3Error('ERR_TSBUILD_S3_NOT_FOUND', 'operation error S3: CompleteMultipartUpload, api error NoSuchUpload: the upload has been removed', {status: 404});
		}
	}, connection.retryOptions(signal));
}

/** That it fails too would only hide why. Buckets have a rule for what is left (AbortIncompleteMultipartUpload). */
async function abort({connection, key, uploadId}: Upload): Promise<void> {
	try {
		const response = await connection.ask({
			operation: 'AbortMultipartUpload', method: 'DELETE', key, query: {uploadId}, expect: [200, 204], signal: AbortSignal.timeout(abortMilliseconds),
		});
		await response?.[Symbol.asyncDispose]();
	} catch {
		// The reason for the abort is what counts.
	}
}

function checkTag(tag: string, operation: string): string {
	if (tag === '') {
		throw incomplete(operation, 'ETag');
	}

	return tag;
}

function incomplete(operation: string, missing: string): S3Error {
	return new S3Error('ERR_TSBUILD_S3_STATUS', `operation error S3: ${operation}, the answer has no ${missing}`);
}

/**
Brings bytes into pieces of one size; the last may be smaller.

@yields each in memory of its own
*/
async function * cut(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
	let gathered: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of chunks) {
		let rest = chunk;
		while (length + rest.length >= size) {
			const taken = size - length;
			yield Buffer.concat([...gathered, rest.subarray(0, taken)]);
			rest = rest.subarray(taken);
			gathered = [];
			length = 0;
		}

		gathered.push(rest);
		length += rest.length;
	}

	if (length > 0) {
		yield Buffer.concat(gathered);
	}
}
