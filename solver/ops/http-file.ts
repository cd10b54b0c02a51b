import {createHash} from 'node:crypto';
import {open} from 'node:fs/promises';
import type {SourceHttpOperation} from '../../src/definition/operations.ts';
import type {HttpClient, HttpResponse} from '../../src/http.ts';
import {parseDigest, splitDigest, type Digest} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {gatherChunks} from '../../snapshotter/gather-chunks.ts';
import {findHttpFile, recordHttpFile, type HttpFileVersion} from '../../snapshotter/http-files.ts';
import type {Store} from '../../snapshotter/store.ts';
import {storeError} from '../../snapshotter/store-error.ts';

/** What downloads work with. */
export type HttpFileContext = {
	readonly store: Pick<Store, 'metadata' | 'session'>;
	readonly openHttp: () => Promise<HttpClient>;
	/** The content of a secret, if there is one of this id. */
	readonly readSecret: (id: string) => Promise<Uint8Array | undefined>;
};

/** A file of the web, on the disk of this machine. */
export type DownloadedFile = {
	/** Mode 0600. Goes with the session. */
	readonly path: string;
	readonly version: HttpFileVersion;
};

/** What makes a file another one. */
export type HttpFileIdentity = Pick<HttpFileVersion, 'digest' | 'lastModified'>;

const writeSize = 256 * 1024;

// A file may have changed twice in the second that its time of modification names.
// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
const strongValidatorAge = 2000;

/**
A file of the web. It is downloaded once at most, and not at all when its server says that it is what it was before.

Secrets of the build may say who asks: `HTTP_AUTH_HEADER_<host>` is the header `Authorization`, `HTTP_AUTH_TOKEN_<host>` the token in it.

@see https://github.com/moby/buildkit/blob/v0.32.2/source/http/source.go
*/
export class HttpFile {
	readonly #operation: SourceHttpOperation;
	readonly #context: HttpFileContext;
	#identity: Promise<HttpFileIdentity> | undefined;
	#downloaded: Promise<DownloadedFile> | undefined;

	constructor(operation: SourceHttpOperation, context: HttpFileContext) {
		this.#operation = operation;
		this.#context = context;
	}

	async #ask(method: 'GET' | 'HEAD', headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> {
		const {openHttp, readSecret} = this.#context;
		const url = new URL(this.#operation.url);
		const [http, authorization] = await Promise.all([openHttp(), readAuthorization(url.hostname, readSecret)]);
		return http.request({
			method,
			url,
			headers: {...headers, ...(authorization !== undefined && {authorization})},
			signal,
		});
	}

	/** Some servers answer conditions wrongly, so what they say of the file is compared as well. */
	async #isUnchanged({etag, lastModified}: HttpFileVersion, signal: AbortSignal): Promise<boolean> {
		const headers = {
			...(etag !== undefined && {'if-none-match': etag}),
			...(etag === undefined && lastModified !== undefined && {'if-modified-since': lastModified}),
		};
		await using response = await this.#ask('HEAD', headers, signal);
		if (response.status !== 200 && response.status !== 304) {
			return false;
		}

		const found = versionOf(response);
		return etag === undefined ? response.status === 304 : (found.etag ?? (response.status === 304 ? etag : undefined)) === etag;
	}

	async #download(signal: AbortSignal): Promise<DownloadedFile> {
		const {url, checksum} = this.#operation;
		const {store: {metadata, session}} = this.#context;
		await using response = await this.#ask('GET', {}, signal);
		if (response.status < 200 || response.status >= 400) {
			throw new TsbuildError('ERR_TSBUILD_HTTP_STATUS', `invalid response status ${response.status}`, {hint: hintFor(response, this.#operation)});
		}

		const path = session.temporaryFile();
		const algorithm = checksum === undefined ? 'sha256' : splitDigest(checksum).algorithm;
		const version = {...versionOf(response), digest: await writeBody(response, path, algorithm)};
		if (isRevalidatable(version, response)) {
			recordHttpFile(metadata, url, version);
		}

		return {path, version};
	}

	async #identify(signal: AbortSignal): Promise<HttpFileIdentity> {
		const {url, checksum} = this.#operation;
		if (checksum !== undefined) {
			return {digest: checksum, lastModified: undefined};
		}

		const known = findHttpFile(this.#context.store.metadata, url);
		if (known !== undefined && await this.#isUnchanged(known, signal)) {
			return known;
		}

		const {version} = await this.download(signal);
		return version;
	}

	/**
	What the file is, by its checksum, by what its server says of it, or by downloading it.

	@throws as `download`
	*/
	async identify(signal: AbortSignal): Promise<HttpFileIdentity> {
		this.#identity ??= this.#identify(signal);
		return this.#identity;
	}

	/**
	The file itself.

	@throws {TsbuildError} `ERR_TSBUILD_HTTP_STATUS` when the server does not give it; `ERR_TSBUILD_STORE`; {NetworkError}; the reason of `signal`
	*/
	async download(signal: AbortSignal): Promise<DownloadedFile> {
		this.#downloaded ??= this.#download(signal);
		return this.#downloaded;
	}
}

async function readAuthorization(host: string, readSecret: HttpFileContext['readSecret']): Promise<string | undefined> {
	const [header, token] = await Promise.all([readSecret(`HTTP_AUTH_HEADER_${host}`), readSecret(`HTTP_AUTH_TOKEN_${host}`)]);
	const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
	return token === undefined ? header && text(header) : `Bearer ${text(token)}`;
}

function versionOf({headers: {etag, 'last-modified': lastModified}}: HttpResponse): Omit<HttpFileVersion, 'digest'> {
	return {etag: etag?.replace(/^W\//v, ''), lastModified};
}

/** Can the server be asked later whether it is the same? */
function isRevalidatable({etag, lastModified}: HttpFileVersion, {headers: {date}}: HttpResponse): boolean {
	const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '');
	return etag !== undefined || age >= strongValidatorAge;
}

async function writeBody({body}: HttpResponse, path: string, algorithm: string): Promise<Digest> {
	const hash = createHash(algorithm);
	await using file = await writing(async () => open(path, 'wx', 0o600));
	for await (const chunk of gatherChunks(body, writeSize)) {
		const written = writing(async () => file.writeFile(chunk));
		// Hashed while the disk works.
		hash.update(chunk);
		await written;
	}

	return parseDigest(`${algorithm}:${hash.digest('hex')}`);
}

async function writing<Value>(action: () => Promise<Value>): Promise<Value> {
	try {
		return await action();
	} catch (error) {
		throw storeError('write download', error);
	}
}

function hintFor({status}: HttpResponse, {url}: SourceHttpOperation): string {
	const {hostname} = new URL(url);
	return status === 401 || status === 403
		? `The server wants to know who asks: --secret id=HTTP_AUTH_TOKEN_${hostname},src=FILE gives it a token.`
		: 'Check the address, for example with curl -I.';
}
