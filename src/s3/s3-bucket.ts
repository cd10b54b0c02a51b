import PQueue from 'p-queue';
import {readBytes} from '../http/read-bytes.ts';
import {Attempts, withRetries} from '../http/retry.ts';
import {
	copyInParts,
	maximumWholeSize,
	writeInParts,
	type PartsContext,
} from './multipart-upload.ts';
import {S3Connection, type S3ConnectionOptions} from './s3-connection.ts';
import {S3Error} from './s3-error.ts';
import {encodeKey} from './sign-request.ts';

/** Where a bucket is, and who uses it. */
export type S3BucketOptions = S3ConnectionOptions & {
	/** Parts of large objects that are sent at once; each is held in memory. */
	readonly partsAtOnce: number;
};

/** Bytes that are to be written. */
export type S3Content = {
	/** Bytes. */
	readonly size: number;
	/** SHA-256 of them all, hexadecimal. */
	readonly hash: string;
	/** Called again when they must be sent again. */
	readonly read: () => AsyncIterable<Uint8Array>;
};

/** An object as the bucket tells of it. */
export type FoundObject = {
	readonly modified: Date;
	/** Bytes. */
	readonly size: number;
};

type WithSignal = {readonly signal?: AbortSignal | undefined};

// Less than this is no progress that would begin a new count of attempts.
const minimumProgress = 64 * 1024;

// What S3 copies in one request. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
const maximumCopy = 5 * (1024 ** 3);

/**
A bucket of S3, or of a server that speaks like it. All its functions try again after what may pass by itself, and throw as `S3Connection` does.

@see https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
*/
export class S3Bucket {
	readonly #connection: S3Connection;
	readonly #parts: PQueue;

	/**
	Asks nothing yet.

	@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`
	*/
	constructor({partsAtOnce, ...options}: S3BucketOptions) {
		this.#connection = new S3Connection(options);
		this.#parts = new PQueue({concurrency: partsAtOnce});
	}

	#partsContext({signal}: WithSignal): PartsContext {
		return {connection: this.#connection, parts: this.#parts, signal};
	}

	async * #readFrom(key: string, offset: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
		const response = await this.#connection.ask({
			operation: 'GetObject', method: 'GET', key, signal, ...(offset > 0 && {headers: {range: `bytes=${offset}-`}}), expect: [offset > 0 ? 206 : 200],
		});
		if (response === undefined) {
			throw new S3Error('ERR_TSBUILD_S3_NOT_FOUND', `failed to read ${key}: there is no such object`, {status: 404});
		}

		await using open = response;
		yield * open.body;
	}

	/** What the bucket tells of an object; `undefined` if there is none. */
	async find(key: string, {signal}: WithSignal): Promise<FoundObject | undefined> {
		return withRetries(async () => {
			const response = await this.#connection.ask({
				operation: 'HeadObject', method: 'HEAD', key, expect: [200], signal,
			});
			await response?.[Symbol.asyncDispose]();
			return response && {modified: new Date(response.headers['last-modified'] ?? ''), size: Number(response.headers['content-length'])};
		}, this.#connection.retryOptions(signal));
	}

	/**
	The bytes of an object, not verified. After a cut the stream goes on where it was.

	@throws {S3Error} `ERR_TSBUILD_S3_NOT_FOUND` also when there is no such object
	@yields its bytes, which may be more or less than `size`
	*/
	async * read(key: string, {size, signal}: WithSignal & {readonly size: number}): AsyncGenerator<Uint8Array, void, undefined> {
		const attempts = new Attempts(this.#connection.retryOptions(signal));
		let received = 0;
		let counted = 0;
		for (;;) {
			try {
				for await (const chunk of this.#readFrom(key, received, signal)) {
					received += chunk.length;
					yield chunk;
				}

				if (received >= size) {
					return;
				}

				throw new S3Error('ERR_TSBUILD_S3_STATUS', `failed to read ${key}: unexpected EOF after ${received} of ${size} bytes`, {status: 502});
			} catch (error) {
				if (received - counted >= minimumProgress) {
					counted = received;
					attempts.reset();
				}

				await attempts.waitAfter(error);
			}
		}
	}

	/**
	All bytes of an object, at most `maximumSize`.

	@returns `undefined` if there is no such object
	@throws {S3Error} `ERR_TSBUILD_S3_STATUS` when it has more
	*/
	async readWhole(key: string, {maximumSize, signal}: WithSignal & {readonly maximumSize: number}): Promise<Uint8Array | undefined> {
		return withRetries(async () => {
			const response = await this.#connection.ask({
				operation: 'GetObject', method: 'GET', key, expect: [200], signal,
			});
			if (response === undefined) {
				return undefined;
			}

			await using open = response;
			const bytes = await readBytes(open.body, maximumSize);
			if (bytes === undefined) {
				throw new S3Error('ERR_TSBUILD_S3_STATUS', `failed to read ${key}: it has more than the ${maximumSize} bytes that are taken`);
			}

			return bytes;
		}, this.#connection.retryOptions(signal));
	}

	/** Writes an object, in the place of the one that is there. A large one is sent in parts: what is cut off costs a part. */
	async write(key: string, content: S3Content, {signal}: WithSignal): Promise<void> {
		const {size, hash, read} = content;
		if (size > maximumWholeSize) {
			await writeInParts(key, content, this.#partsContext({signal}));
			return;
		}

		await withRetries(async () => this.#connection.write({
			operation: 'PutObject', method: 'PUT', key, body: read(), payloadHash: hash, contentHeaders: {'content-length': String(size)}, expect: [200], signal,
		}), this.#connection.retryOptions(signal));
	}

	/** Makes an object young again, so that a rule that removes old ones leaves it. */
	async touch(key: string, {size, signal}: WithSignal & Pick<FoundObject, 'size'>): Promise<void> {
		// The colon of digests is no danger in a header, and some servers do not decode it.
		const source = encodeKey(`${this.#connection.bucket}/${key}`).replaceAll('%3A', ':');
		if (size > maximumCopy) {
			await copyInParts(key, {source, size}, this.#partsContext({signal}));
			return;
		}

		const headers = {'x-amz-copy-source': source, 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-updated-at': new Date().toISOString()};
		await withRetries(async () => this.#connection.writeAndRead({
			operation: 'CopyObject', method: 'PUT', key, headers, expect: [200], signal,
		}), this.#connection.retryOptions(signal));
	}
}
