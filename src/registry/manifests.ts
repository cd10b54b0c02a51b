import type {HttpResponse} from '../http.ts';
import {digestOf, parseDigest, type Digest} from '../kernel/digest.ts';
import {errorCode} from '../kernel/errors.ts';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import {formatReference, type Reference} from '../kernel/reference.ts';
import {readBytes} from '../http/read-bytes.ts';
import {explainPull, explainPush} from './access-denied.ts';
import type {BlobDescriptor, Repository, RequestOptions} from './registry-client.ts';
import type {RegistryConnection, RegistryRequest} from './registry-connection.ts';
import {askByHead} from './refused-head.ts';
import {RegistryError} from './registry-error.ts';
import {discardBody} from './response-body.ts';
import {pullScope, pushScope} from './scope.ts';
import {contentError, Verification} from './verification.ts';

// What registries take at most. https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
const maximumManifestSize = 4 * 1024 * 1024;

const acceptedTypes = [mediaTypes.dockerManifest, mediaTypes.dockerIndex, mediaTypes.manifest, mediaTypes.index, '*/*'].join(', ');

/** See `RegistryClient.resolve`. */
export async function resolveManifest(connection: RegistryConnection, reference: Reference, {signal}: RequestOptions): Promise<Descriptor> {
	const request = {
		...manifestRequest(reference, reference.digest ?? reference.tag ?? 'latest'),
		headers: {accept: acceptedTypes},
		signal,
	};
	try {
		const byHead = await askByHead(async method => method === 'HEAD' ? resolveByHead(connection, request) : resolveByGet(connection, request));
		const descriptor = byHead ?? await resolveByGet(connection, request);
		return checkDescriptor(descriptor, reference);
	} catch (error) {
		throw explainMissing(error, reference);
	}
}

type FetchManifestOptions = RequestOptions & {
	readonly repository: Repository;
	readonly descriptor: BlobDescriptor & {readonly mediaType?: string};
};

/** See `RegistryClient.fetchManifest`. */
export async function fetchManifest(connection: RegistryConnection, {repository, descriptor, signal}: FetchManifestOptions): Promise<Uint8Array> {
	const {digest, size, mediaType = ''} = descriptor;
	if (size > maximumManifestSize) {
		throw tooLarge(digest, size);
	}

	try {
		const request = {
			...manifestRequest(repository, digest),
			method: 'GET',
			headers: {accept: mediaType === '' ? acceptedTypes : `${mediaType}, */*`},
			signal,
		} as const;
		// One byte too many is enough to know it.
		const bytes = await connection.askAndRead(request, async ({body}) => await readBytes(body, size + 1) ?? new Uint8Array(size + 1));
		verify(bytes, descriptor);
		return bytes;
	} catch (error) {
		throw explainMissing(error, {...repository, digest});
	}
}

type PushManifestOptions = RequestOptions & {
	readonly reference: Reference;
	readonly bytes: Uint8Array;
	readonly mediaType: string;
};

/** See `RegistryClient.pushManifest`. */
export async function pushManifest(connection: RegistryConnection, {reference, bytes, mediaType, signal}: PushManifestOptions): Promise<void> {
	const digest = digestOf(bytes);
	try {
		const response = await discardBody(await connection.ask({
			...manifestRequest(reference, reference.tag ?? digest),
			method: 'PUT',
			headers: {'content-type': mediaType},
			body: bytes,
			scopes: [pushScope(reference)],
			expect: [200, 201, 202, 204],
			signal,
		}));
		const stored = readDigest(response);
		if (stored !== undefined && stored !== digest) {
			throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to push ${formatReference(reference)}: the registry has stored ${stored} instead of ${digest}`);
		}
	} catch (error) {
		throw explainPush(error);
	}
}

type ManifestRequest = Omit<RegistryRequest, 'method'>;

function manifestRequest(repository: Repository, name: string): Pick<RegistryRequest, 'expect' | 'scopes' | 'target'> {
	return {target: `/v2/${repository.path}/manifests/${name}`, scopes: [pullScope(repository)], expect: [200]};
}

function explainMissing(error: unknown, reference: Reference): unknown {
	if (errorCode(error) === 'ERR_TSBUILD_REGISTRY_NOT_FOUND') {
		return new RegistryError('ERR_TSBUILD_REGISTRY_NOT_FOUND', `${formatReference(reference)}: not found`, {
			cause: error,
			status: 404,
			hint: 'Check the name and the tag: the registry has no such image.',
		});
	}

	return explainPull(error);
}

/** What the answer to HEAD tells; `undefined` when that is not all. */
async function resolveByHead(connection: RegistryConnection, request: ManifestRequest): Promise<Descriptor | undefined> {
	const response = await discardBody(await connection.ask({...request, method: 'HEAD'}));
	const digest = readDigest(response);
	const size = Number(response.headers['content-length'] ?? 0);
	return digest === undefined || !Number.isSafeInteger(size) || size <= 0 ? undefined : {mediaType: readMediaType(response), digest, size};
}

async function resolveByGet(connection: RegistryConnection, request: ManifestRequest): Promise<Descriptor> {
	return connection.askAndRead({...request, method: 'GET'}, async response => {
		const bytes = await readBytes(response.body, maximumManifestSize);
		const digest = readDigest(response);
		if (bytes === undefined) {
			throw tooLarge(digest, undefined);
		}

		const descriptor = {mediaType: readMediaType(response), digest: digest ?? digestOf(bytes), size: bytes.length};
		verify(bytes, descriptor);
		return descriptor;
	});
}

function verify(bytes: Uint8Array, descriptor: BlobDescriptor): void {
	const verification = new Verification(descriptor);
	verification.add(bytes);
	verification.finish();
}

function checkDescriptor(descriptor: Descriptor, {digest}: Reference): Descriptor {
	if (descriptor.size > maximumManifestSize) {
		throw tooLarge(descriptor.digest, descriptor.size);
	}

	if (digest !== undefined && descriptor.digest !== digest) {
		throw contentError(digest, `the registry has ${descriptor.digest} under that name`);
	}

	return descriptor;
}

function tooLarge(digest: Digest | undefined, size: number | undefined): RegistryError {
	const name = digest === undefined ? 'manifest' : `manifest ${digest}`;
	return new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to read ${name}: it has ${size ?? 'too many'} bytes, and at most ${maximumManifestSize} are taken`);
}

function readDigest({headers}: HttpResponse): Digest | undefined {
	const digest = headers['docker-content-digest'];
	return typeof digest === 'string' && digest !== '' ? parseDigest(digest) : undefined;
}

function readMediaType({headers: {'content-type': type = ''}}: HttpResponse): string {
	return type.split(';', 1)[0]!.trim();
}
