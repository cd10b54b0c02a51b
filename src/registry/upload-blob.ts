import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {Attempts, isPassing} from '../http/retry.ts';
import {explainPush} from './access-denied.ts';
import {findBlob} from './find-blob.ts';
import type {
	BlobDescriptor,
	BlobSource,
	Repository,
	UploadOptions,
} from './registry-client.ts';
import type {RegistryConnection, RegistryRequest} from './registry-connection.ts';
import {RegistryError} from './registry-error.ts';
import {discardBody} from './response-body.ts';
import {pushScope} from './scope.ts';
import {
	findSession,
	nextSession,
	openSession,
	type UploadSession,
} from './upload-session.ts';

export type UploadBlobOptions = UploadOptions & {
	readonly repository: Repository;
	readonly source: BlobSource;
};

// Less than this is no progress that would begin a new count of attempts.
const minimumProgress = 64 * 1024;

// The registry has lost the session, or what was sent was changed on the way: all is sent once more, but not for ever.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
const lostStatuses: ReadonlySet<number | undefined> = new Set([400, 404, 416]);
const maximumRestarts = 2;

/** See `RegistryClient.uploadBlob`. */
export async function uploadBlob(connection: RegistryConnection, options: UploadBlobOptions): Promise<void> {
	const attempts = new Attempts(connection.retryOptions(options.signal));
	const upload = new Upload(connection, options);
	for (;;) {
		try {
			await upload.send();
			await upload.finish();
			return;
		} catch (error) {
			const isLost = error instanceof RegistryError && lostStatuses.has(error.status);
			const isWorthwhile = isPassing(error) || (isLost && upload.restarts < maximumRestarts) || upload.isFirstRefusal(error);
			await attempts.waitAfter(explainPush(error), isWorthwhile);
			const resumed = await upload.recover(isLost);
			if (resumed === 'finished') {
				return;
			}

			if (resumed === 'advanced') {
				attempts.reset();
			}
		}
	}
}

/** A blob on its way. What it is to be is known from the beginning, or when all of it has been sent. */
class Upload {
	readonly #connection: RegistryConnection;
	readonly #options: UploadBlobOptions;
	#descriptor: BlobDescriptor | undefined;
	#session: UploadSession | undefined;
	#restarts = 0;
	#isRefused = false;
	#furthest = 0;

	constructor(connection: RegistryConnection, options: UploadBlobOptions) {
		this.#connection = connection;
		this.#options = options;
		const {descriptor} = options.source;
		if (descriptor instanceof Promise) {
			// It may fail while nobody awaits it yet.
			descriptor.catch(() => undefined);
		} else {
			this.#descriptor = descriptor;
		}
	}

	#request(target: URL): Pick<RegistryRequest, 'scopes' | 'signal' | 'target'> {
		const {repository, signal} = this.#options;
		return {target, scopes: [pushScope(repository)], signal};
	}

	#lengthHeaders(offset: number): Readonly<Record<string, string>> {
		if (this.#descriptor === undefined) {
			return {};
		}

		const {size} = this.#descriptor;
		return {
			'content-length': String(size - offset),
			...(offset > 0 && {'content-range': `${offset}-${size - 1}`}),
		};
	}

	async * #content(offset: number, onSent: (total: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
		const {source, onProgress} = this.#options;
		let total = offset;
		for await (const chunk of source.content(offset)) {
			yield chunk;
			total += chunk.length;
			onSent(total);
			onProgress?.(total);
		}

		if (this.#descriptor !== undefined && total !== this.#descriptor.size) {
			throw new TsbuildError('ERR_TSBUILD_CONTENT', `failed to upload ${this.#descriptor.digest}: its content has ${total} bytes instead of ${this.#descriptor.size}`);
		}
	}

	/** How often everything was sent anew. */
	get restarts(): number {
		return this.#restarts;
	}

	/** Was it the token that had run out when the bytes were on their way, for the first time? Then there is a new one for the next attempt. */
	isFirstRefusal(error: unknown): boolean {
		const isFirst = !this.#isRefused && this.#session !== undefined && errorCode(error) === 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED';
		this.#isRefused ||= isFirst;
		return isFirst;
	}

	/** Sends what the registry does not have. */
	async send(): Promise<void> {
		const {repository, signal} = this.#options;
		this.#session ??= await openSession(this.#connection, {repository, signal});
		const {location, offset} = this.#session!;
		if (this.#descriptor !== undefined && offset === this.#descriptor.size) {
			return;
		}

		let sent = offset;
		const counted = this.#content(offset, total => {
			sent = total;
		});
		const response = await discardBody(await this.#connection.askOnce({
			...this.#request(location),
			method: 'PATCH',
			headers: {'content-type': 'application/octet-stream', ...this.#lengthHeaders(offset)},
			body: counted,
			expect: [202, 204],
		}));
		this.#session = nextSession(response, this.#connection, sent);
	}

	/** Lets the registry check what it has, and keep it. */
	async finish(): Promise<void> {
		this.#descriptor ??= await this.#options.source.descriptor;
		const {location, offset} = this.#session!;
		const {digest, size} = this.#descriptor;
		if (offset !== size) {
			throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to upload ${digest}: the registry has ${offset} bytes of ${size}`, {status: 416});
		}

		const target = new URL(location);
		target.searchParams.append('digest', digest);
		await discardBody(await this.#connection.askOnce({
			...this.#request(target),
			method: 'PUT',
			headers: {'content-type': 'application/octet-stream'},
			expect: [200, 201, 202, 204],
		}));
	}

	/** Finds out where to go on. */
	async recover(isLost: boolean): Promise<'advanced' | 'finished' | 'stopped'> {
		const {repository, signal} = this.#options;
		// The answer may have been lost, not the blob.
		if (this.#descriptor !== undefined && await findBlob(this.#connection, {repository, digest: this.#descriptor.digest, signal})) {
			return 'finished';
		}

		const {location} = this.#session ?? {};
		this.#session = isLost || location === undefined ? undefined : await findSession(this.#connection, {location, repository, signal});
		const {offset = 0} = this.#session ?? {};
		this.#restarts += isLost ? 1 : 0;
		this.#options.onProgress?.(offset);
		if (offset - this.#furthest < minimumProgress) {
			return 'stopped';
		}

		this.#furthest = offset;
		return 'advanced';
	}
}
