import {Buffer} from 'node:buffer';
import {createHash} from 'node:crypto';
import type {HttpClient, HttpRequest, HttpResponse} from '../http.ts';
import {readBytes} from '../http/read-bytes.ts';
import {parseRetryAfter, type RetryNotice, type RetryOptions} from '../http/retry.ts';
import type {AwsCredentials} from './aws-credentials.ts';
import {bucketAddress, type BucketLocation} from './bucket-address.ts';
import {isMissingObject, refusal, S3Error} from './s3-error.ts';
import {encodeKey, signRequest} from './sign-request.ts';
import {textOf} from './xml-text.ts';

/** Where a bucket is, and who uses it. */
export type S3ConnectionOptions = {
	readonly http: HttpClient;
	readonly location: BucketLocation;
	/** Without them requests are not signed, as public buckets take them. */
	readonly credentials?: AwsCredentials;
	/** At the same thing, the first included. */
	readonly attempts: number;
	/** Told of each that is to come. */
	readonly onRetry: (notice: RetryNotice) => void;
};

/** One request to an object. */
export type ObjectRequest = Pick<HttpRequest, 'body' | 'headers' | 'method'> & {
	/** As the API calls it. */
	readonly operation: string;
	readonly key: string;
	/** Not encoded. */
	readonly query?: Readonly<Record<string, string>>;
	/** SHA-256 of the body, hexadecimal; that of no bytes by default. */
	readonly payloadHash?: string;
	/** Headers that are not signed. */
	readonly contentHeaders?: Readonly<Record<string, string>>;
	/** Statuses that are no error. */
	readonly expect: readonly number[];
	readonly signal?: AbortSignal | undefined;
};

// That of no bytes.
const emptyHash = createHash('sha256').digest('hex');

// Errors have some hundred bytes, and so have the documents that tell of a success.
const maximumDocumentSize = 64 * 1024;

// As with registries.
const waiting = {firstMilliseconds: 500, maximumMilliseconds: 5 * 60_000} as const;

/**
Asks the server of a bucket, and knows what its answers mean. All its functions ask once, and throw

- {S3Error} `ERR_TSBUILD_S3_DENIED`, `ERR_TSBUILD_S3_NOT_FOUND` (no such bucket), `ERR_TSBUILD_S3_STATUS`
- {NetworkError} as `HttpClient.request`
- the reason of `signal`

@see https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
*/
export class S3Connection {
	readonly #options: S3ConnectionOptions;
	readonly #address: URL;

	/**
	Asks nothing yet.

	@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`
	*/
	constructor(options: S3ConnectionOptions) {
		this.#options = options;
		this.#address = bucketAddress(options.location);
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

	#urlOf({key, query = {}}: ObjectRequest): URL {
		const url = new URL(`${this.#address.href}${encodeKey(key)}`);
		for (const [name, value] of Object.entries(query)) {
			url.searchParams.set(name, value);
		}

		return url;
	}

	#refusal({operation}: ObjectRequest, {status, statusText, headers}: HttpResponse, said: string): S3Error {
		const {credentials, location: {bucket, region}} = this.#options;
		const bucketRegion = headers['x-amz-bucket-region'];
		return refusal({
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

	get bucket(): string {
		return this.#options.location.bucket;
	}

	/** How what may pass by itself is tried again. */
	retryOptions(signal: AbortSignal | undefined): RetryOptions {
		const {attempts, onRetry} = this.#options;
		return {
			domain: this.#address.host, policy: {...waiting, attempts}, onRetry, signal,
		};
	}

	/**
	Whoever does not read the answer to its end disposes of it.

	@returns `undefined` if there is no such object
	*/
	async ask(request: ObjectRequest): Promise<HttpResponse | undefined> {
		const {method, body, contentHeaders, signal, expect} = request;
		const url = this.#urlOf(request);
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
		const said = await readDocument(refused);
		if (isMissingObject({status: refused.status, body: said})) {
			return undefined;
		}

		throw this.#refusal(request, refused, said);
	}

	/**
	Reads the document with which the server tells of a success. What takes long begins with 200 before it is known how it ends, and may end as an error.

	@returns `undefined` if there is no such object
	@see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
	*/
	async askForDocument(request: ObjectRequest): Promise<string | undefined> {
		const response = await this.ask(request);
		if (response === undefined) {
			return undefined;
		}

		await using open = response;
		const document = await readDocument(open);
		if (textOf(document, 'Code') !== '') {
			throw this.#refusal(request, {...open, status: 500}, document);
		}

		return document;
	}

	/**
	Writes something: without the bucket, or what it is a part of, that cannot be.

	@throws {S3Error} `ERR_TSBUILD_S3_NOT_FOUND` also then
	*/
	async write(request: ObjectRequest): Promise<HttpResponse> {
		const response = await this.ask(request);
		if (response === undefined) {
			throw missing(request);
		}

		await response[Symbol.asyncDispose]();
		return response;
	}

	/** As `write`, and reads what the server tells of it. */
	async writeAndRead(request: ObjectRequest): Promise<string> {
		const document = await this.askForDocument(request);
		if (document === undefined) {
			throw missing(request);
		}

		return document;
	}
}

function missing({operation}: ObjectRequest): S3Error {
	return new S3Error('ERR_TSBUILD_S3_NOT_FOUND', `operation error S3: ${operation}, api error NoSuchKey: there is no such object`, {status: 404});
}

async function readDocument({body}: HttpResponse): Promise<string> {
	return Buffer.from(await readBytes(body, maximumDocumentSize) ?? '').toString();
}
