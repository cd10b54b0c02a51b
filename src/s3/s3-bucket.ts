import {Buffer} from 'node:buffer';
import {createHash} from 'node:crypto';
import type {HttpClient, HttpRequest, HttpResponse} from '../http.ts';
import {readBytes} from '../registry/response-body.ts';
import {
	Attempts,
	parseRetryAfter,
	withRetries,
	type RetryNotice,
	type RetryOptions,
} from '../registry/retry.ts';
import type {AwsCredentials} from './aws-credentials.ts';
import {bucketAddress, type BucketLocation} from './bucket-address.ts';
import {isMissingObject, refusal, S3Error} from './s3-error.ts';
import {encodeKey, signRequest} from './sign-request.ts';

/** Where a bucket is, and who uses it. */
export type S3BucketOptions = {
	readonly http: HttpClient;
	readonly location: BucketLocation;
	/** Without them requests are not signed, as public buckets take them. */
	readonly credentials?: AwsCredentials;
	/** At the same thing, the first included. */
	readonly attempts: number;
	/** Told of each that is to come. */
	readonly onRetry: (notice: RetryNotice) => void;
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

type WithSignal = {readonly signal?: AbortSignal | undefined};

type ObjectRequest = Pick<HttpRequest, 'body' | 'headers' | 'method'> & WithSignal & {
	/** As the API calls it. */
	readonly operation: string;
	readonly key: string;
	readonly payloadHash?: string;
	readonly expect: readonly number[];
};

// That of no bytes.
const emptyHash = createHash('sha256').digest('hex');

// Errors have some hundred bytes.
const maximumErrorSize = 64 * 1024;

// Less than this is no progress that would begin a new count of attempts.
const minimumProgress = 64 * 1024;

// As with registries.
const waiting = {firstMilliseconds: 500, maximumMilliseconds: 5 * 60_000} as const;

/**
A bucket of S3, or of a server that speaks like it. All its functions try again after what may pass by itself, and throw

- {S3Error} `ERR_TSBUILD_S3_DENIED`, `ERR_TSBUILD_S3_NOT_FOUND` (no such bucket), `ERR_TSBUILD_S3_STATUS`
- {NetworkError} as `HttpClient.request`
- the reason of `signal`

@see https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
*/
export class S3Bucket {
	readonly #options: S3BucketOptions;
	readonly #address: URL;

	/**
	Asks nothing yet.

	@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`
	*/
	constructor(options: S3BucketOptions) {
		this.#options = options;
		this.#address = bucketAddress(options.location);
	}

	#retryOptions(signal: AbortSignal | undefined): RetryOptions {
		const {attempts, onRetry} = this.#options;
		return {
			domain: this.#address.host, policy: {...waiting, attempts}, onRetry, signal,
		};
	}

	#headersOf({method, headers = {}, payloadHash = emptyHash}: ObjectRequest, url: URL): Readonly<Record<string, string>> {
		const {credentials, location: {region}} = this.#options;
		if (credentials === undefined) {
			return headers;
		}

		const request = {
			method, url, headers, payloadHash,
		};
		return signRequest(request, {credentials, region, time: new Date()});
	}

	/** Asks once. What was not to be expected is thrown; `undefined` if there is no such object. */
	async #ask(request: ObjectRequest, contentHeaders: Readonly<Record<string, string>> = {}): Promise<HttpResponse | undefined> {
		const {method, key, body, signal, expect} = request;
		const url = new URL(`${this.#address.href}${encodeKey(key)}`);
		const response = await this.#options.http.request({
			method,
			url,
			headers: {...this.#headersOf(request, url), ...contentHeaders},
			...(body !== undefined && {body}),
			followsRedirects: false,
			signal,
		});
		if (expect.includes(response.status)) {
			return response;
		}

		await using refused = response;
		await this.#throwUnlessMissing(request, refused);
		return undefined;
	}

	async #throwUnlessMissing({operation}: ObjectRequest, {status, statusText, headers, body}: HttpResponse): Promise<void> {
		const {credentials, location: {bucket, region}} = this.#options;
		const said = Buffer.from(await readBytes(body, maximumErrorSize) ?? '').toString();
		if (isMissingObject({status, body: said})) {
			return;
		}

		const bucketRegion = headers['x-amz-bucket-region'];
		throw refusal({
			operation,
			bucket,
			status,
			statusText,
			body: said,
			retryAfterSeconds: parseRetryAfter(headers['retry-after']),
			bucketRegion: bucketRegion !== region && typeof bucketRegion === 'string' && /^[\-0-9a-z]+$/v.test(bucketRegion) ? bucketRegion : undefined,
			hasCredentials: credentials !== undefined,
			redact: text => credentials?.redact(text) ?? text,
		});
	}

	/** A write is to a bucket: where that is missing, so is everything. */
	async #write(request: ObjectRequest, contentHeaders: Readonly<Record<string, string>> = {}): Promise<void> {
		const response = await this.#ask(request, contentHeaders);
		if (response === undefined) {
			throw new S3Error('ERR_TSBUILD_S3_NOT_FOUND', `operation error S3: ${request.operation}, api error NoSuchKey: there is no such object`, {status: 404});
		}

		await response[Symbol.asyncDispose]();
	}

	async * #readFrom(key: string, offset: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
		const response = await this.#ask({
			operation: 'GetObject', method: 'GET', key, signal, ...(offset > 0 && {headers: {range: `bytes=${offset}-`}}), expect: [offset > 0 ? 206 : 200],
		});
		if (response === undefined) {
			throw new S3Error('ERR_TSBUILD_S3_NOT_FOUND', `failed to read ${key}: there is no such object`, {status: 404});
		}

		await using open = response;
		yield * open.body;
	}

	/** When an object was written; `undefined` if there is none. */
	async find(key: string, {signal}: WithSignal): Promise<{readonly modified: Date} | undefined> {
		return withRetries(async () => {
			const response = await this.#ask({
				operation: 'HeadObject', method: 'HEAD', key, expect: [200], signal,
			});
			await response?.[Symbol.asyncDispose]();
			return response && {modified: new Date(response.headers['last-modified'] ?? '')};
		}, this.#retryOptions(signal));
	}

	/**
	The bytes of an object, not verified. After a cut the stream goes on where it was.

	@throws {S3Error} `ERR_TSBUILD_S3_NOT_FOUND` also when there is no such object
	@yields its bytes, which may be more or less than `size`
	*/
	async * read(key: string, {size, signal}: WithSignal & {readonly size: number}): AsyncGenerator<Uint8Array, void, undefined> {
		const attempts = new Attempts(this.#retryOptions(signal));
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
			const response = await this.#ask({
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
		}, this.#retryOptions(signal));
	}

	/** Writes an object, in the place of the one that is there. */
	async write(key: string, {size, hash, read}: S3Content, {signal}: WithSignal): Promise<void> {
		await withRetries(async () => this.#write({
			operation: 'PutObject', method: 'PUT', key, body: read(), payloadHash: hash, expect: [200], signal,
		}, {'content-length': String(size)}), this.#retryOptions(signal));
	}

	/** Makes an object young again, so that a rule that removes old ones leaves it. */
	async touch(key: string, {signal}: WithSignal): Promise<void> {
		// The colon of digests is no danger in a header, and some servers do not decode it.
		const source = encodeKey(`${this.#options.location.bucket}/${key}`).replaceAll('%3A', ':');
		const headers = {'x-amz-copy-source': source, 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-updated-at': new Date().toISOString()};
		await withRetries(async () => this.#write({
			operation: 'CopyObject', method: 'PUT', key, headers, expect: [200], signal,
		}), this.#retryOptions(signal));
	}
}
