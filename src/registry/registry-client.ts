import type {Digest} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {Reference} from '../kernel/reference.ts';

/** Where in which registry an image is: a `Reference` is one, whatever its tag. */
export type Repository = Pick<Reference, 'domain' | 'path'>;

/** What names a blob and tells how long it is. A `Descriptor` is one. */
export type BlobDescriptor = {
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
};

export type RequestOptions = {
	readonly signal?: AbortSignal | undefined;
};

/** A blob on its way to a registry. */
export type BlobSource = {
	/** A promise when the blob is still being made: it is awaited after the last byte of the content. */
	readonly descriptor: BlobDescriptor | Promise<BlobDescriptor>;
	/** The bytes from `offset` on. It is called again, with another offset, when the connection was cut. */
	readonly content: (offset: number) => AsyncIterable<Uint8Array>;
};

export type UploadOptions = RequestOptions & {
	/** Told how many bytes of the blob the connection has taken in; fewer than before when some must be sent again. */
	readonly onProgress?: (sentBytes: number) => void;
};

/**
One client for all registries, for the length of a command: it keeps connections, tokens and what it has learned of each host.

Every function may be called any number of times at once. Each of them asks for a token when the registry wants one, follows redirects without telling another host the credentials, waits when the registry says `Retry-After`, and tries again, later each time, after what may pass by itself: a cut connection, 408, 429, 5xx, silence. Only when nothing of that helps it throws a `RegistryError`:

- `ERR_TSBUILD_REGISTRY_NOT_FOUND` there is no such manifest, blob or repository (404)
- `ERR_TSBUILD_REGISTRY_UNAUTHORIZED` the registry does not know the user (401)
- `ERR_TSBUILD_REGISTRY_DENIED` it does not let the user do that (403, or a token without the scope)
- `ERR_TSBUILD_REGISTRY_TOO_LARGE` it takes nothing of that size (413)
- `ERR_TSBUILD_REGISTRY_RATE_LIMIT` too many requests, for longer than is waited (429)
- `ERR_TSBUILD_REGISTRY_STATUS` any other status that was not to be expected
- `ERR_TSBUILD_REGISTRY_PROTOCOL` the answer is none of a registry

or a `NetworkError`:

- `ERR_TSBUILD_NETWORK_UNREACHABLE` no connection: name, address, proxy
- `ERR_TSBUILD_NETWORK_TLS` the certificate is not trusted, or the server does not speak TLS
- `ERR_TSBUILD_NETWORK_TIMEOUT` nothing came for a minute
- `ERR_TSBUILD_NETWORK_CUT` the connection ends too early, again and again
- `ERR_TSBUILD_NETWORK_REDIRECT` redirects lead nowhere

and besides those `ERR_TSBUILD_CREDENTIALS` when the user's credentials cannot be read, `ERR_TSBUILD_CERTIFICATE` when a certificate file cannot, `ERR_TSBUILD_PROXY` when a proxy cannot be used, `ERR_TSBUILD_ENGINE_CONFIG` when the configuration of a Docker engine cannot be read, and the reason of `signal`.

@see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
*/
export type RegistryClient = AsyncDisposable & {
	/**
	The descriptor of the manifest or index that the reference names, by its digest if it has one, else by its tag. Nothing is downloaded, except from registries that cannot tell otherwise.

	@returns `mediaType`, `digest` and `size`
	*/
	resolve(reference: Reference, options?: RequestOptions): Promise<Descriptor>;

	/**
	The bytes of a manifest or index: at most 4 MiB, verified.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when they are not those of the digest, or of another size
	*/
	fetchManifest(repository: Repository, descriptor: BlobDescriptor & {readonly mediaType?: string}, options?: RequestOptions): Promise<Uint8Array>;

	/**
	The bytes of a blob. Size and digest are verified while they pass: the last chunk comes only when all is well. After a cut the stream goes on where it was.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when it is not what the descriptor says
	*/
	readBlob(repository: Repository, descriptor: BlobDescriptor, options?: RequestOptions): AsyncIterable<Uint8Array>;

	/** Does the repository have the blob? */
	hasBlob(repository: Repository, digest: Digest, options?: RequestOptions): Promise<boolean>;

	/**
	Asks the registry to take a blob over from another repository of its own.

	@returns has it? If not, it must be uploaded: the other repository has no such blob, or is not the user's to read, or the registry does not do this
	*/
	mountBlob(repository: Repository, blob: {readonly digest: Digest; readonly from: Repository}, options?: RequestOptions): Promise<boolean>;

	/**
	Uploads a blob. After a cut it goes on with what the registry does not have yet, or begins again where the registry has lost it.

	@throws {TsbuildError} also what `descriptor` and `content` throw
	*/
	uploadBlob(repository: Repository, source: BlobSource, options?: UploadOptions): Promise<void>;

	/**
	Puts a manifest or index under the reference's tag, and without a tag under its digest. All that it names must be there.
	*/
	pushManifest(reference: Reference, manifest: {readonly bytes: Uint8Array; readonly mediaType: string}, options?: RequestOptions): Promise<void>;
};
