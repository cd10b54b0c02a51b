import {digestOf, type Digest} from '../kernel/digest.ts';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {withInternalVertex, type ReportStatus} from '../kernel/internal-vertex.ts';
import type {BeginLateWork} from '../kernel/late-work.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {CachedLayers, CachedResult} from '../../snapshotter/cached-layers.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheConfigMount} from './cache-config.ts';
import type {CacheFromOption} from './cache-option.ts';
import type {BlobPlace, CachePlace} from './cache-place.ts';
import {readCache, type ReadCache, type ReadCacheOptions} from './read-cache.ts';
import {registryPlace, type RegistryPlaceContext} from './registry-place.ts';
import type {S3Context} from './s3-cache-location.ts';

/** A cache that results are taken from. */
export type ImportedSource = {
	/** Where it is, for people. */
	readonly name: string;
	readonly find: (key: string) => CachedResult | undefined;
	/** Are the layers of a result still there? If so, they can be had from now on, and their download is told of as part of `begin`. */
	readonly hasLayers: (result: CachedResult, options: {readonly begin?: BeginLateWork | undefined; readonly signal: AbortSignal}) => Promise<boolean>;
	readonly mounts: readonly ImportedMount[];
};

/** The directory of a cache mount that a cache has. */
export type ImportedMount = CacheConfigMount & {
	readonly read: (options: {readonly signal: AbortSignal | undefined}) => AsyncIterable<Uint8Array>;
};

/** What caches are read with. */
export type ImportContext = Pick<RegistryPlaceContext, 'openRegistry'> & S3Context & {
	readonly store: Pick<Store, 'metadata' | 'content'>;
	readonly cachedLayers: CachedLayers;
	readonly progress: ProgressSink;
	readonly signal: AbortSignal;
};

/**
Reads caches. One that cannot be read is told of and left out: it would only have saved time.

@throws the reason of the signal
*/
export async function importCaches(options: readonly CacheFromOption[], context: ImportContext): Promise<readonly ImportedSource[]> {
	const sources = await Promise.all(options.map(async option => importCache(option, context)));
	return sources.filter(source => source !== undefined);
}

async function importCache(option: CacheFromOption, context: ImportContext): Promise<ImportedSource | undefined> {
	const {progress, signal} = context;
	const place = await findPlace(option, context);
	if (place === undefined) {
		return undefined;
	}

	try {
		return await withInternalVertex(progress, `importing cache manifest from ${nameOf(option)}`, async report => readPlace(option, await place(), {context, report}));
	} catch {
		signal.throwIfAborted();
		return undefined;
	}
}

/** A place, and how what is there is read. */
type Opened = {
	readonly place: BlobPlace;
	readonly read: (options: ReadCacheOptions) => Promise<ReadCache>;
};

type FindPlace = () => Promise<Opened>;

/** `undefined` for a directory without a cache, which is worth a line, but no step. */
async function findPlace(option: CacheFromOption, context: ImportContext): Promise<FindPlace | undefined> {
	const {openRegistry, store: {metadata}, warn} = context;
	switch (option.type) {
		case 'registry': {
			return async () => asImage(registryPlace(option.reference, {openRegistry, metadata}));
		}

		case 'local': {
			const {findLocalPlace} = await import('./local-place.ts');
			try {
				const place = await findLocalPlace(option);
				return async () => asImage(place);
			} catch (error) {
				warn(`local cache import at ${option.directory} skipped${errorCode(error) === 'ERR_TSBUILD_CACHE' ? '' : ' due to err'}: ${errorMessage(error)}`);
				return undefined;
			}
		}

		case 's3': {
			const {s3Place} = await import('./s3-place.ts');
			return async () => {
				const place = await explain(option, async () => s3Place(option, context));
				return {place, read: async options => place.read(options)};
			};
		}

		case 'unusable': {
			return async () => {
				throw new TsbuildError('ERR_TSBUILD_CACHE', option.reason);
			};
		}
	}
}

function asImage(place: CachePlace): Opened {
	return {place, read: async options => readCache(place, options)};
}

async function readPlace(option: CacheFromOption, {place, read}: Opened, {context, report}: {readonly context: ImportContext; readonly report: ReportStatus}): Promise<ImportedSource> {
	const {store: {content}, cachedLayers, signal} = context;
	const cache = await explain(option, async () => read({report, signal}));
	place.noteLayers?.(cache.layers.map(({digest}) => digest));
	return sourceOf(cache, place, {content, cachedLayers, takesMounts: option.takesMounts});
}

type SourceContext = Pick<Store, 'content'> & {readonly cachedLayers: CachedLayers; readonly takesMounts: boolean};

function sourceOf({contents, mounts}: ReadCache, place: BlobPlace, {content, cachedLayers, takesMounts}: SourceContext): ImportedSource {
	const known = new Map<Digest, Promise<boolean>>();
	const isThere = async (digest: Digest, signal: AbortSignal) => {
		const answer = known.get(digest) ?? hasBlob(digest, {place, content, signal});
		known.set(digest, answer);
		return answer;
	};

	return {
		name: place.name,
		find: key => firstWithLayers(contents.map(each => each.find(key))),
		async hasLayers({layers = []}, {begin, signal}) {
			const answers = await Promise.all(layers.map(async ({blob}) => isThere(blob.digest, signal)));
			if (answers.includes(false)) {
				return false;
			}

			cachedLayers.provide(layers, place.readBlob, begin);
			return true;
		},
		mounts: takesMounts ? mounts.map(mount => ({...mount, read: options => place.readBlob({...mount, digest: mount.blob}, options)})) : [],
	};
}

/** A question that fails says no: then the step executes. */
async function hasBlob(digest: Digest, {place, content, signal}: Pick<Store, 'content'> & {readonly place: BlobPlace; readonly signal: AbortSignal}): Promise<boolean> {
	try {
		return await content.size(digest) !== undefined || await place.hasBlob(digest, {signal});
	} catch {
		signal.throwIfAborted();
		return false;
	}
}

/** Of the images of an index, one may have the keys alone of what another one has. */
function firstWithLayers(results: ReadonlyArray<CachedResult | undefined>): CachedResult | undefined {
	const found = results.filter(result => result !== undefined);
	return found.find(({layers}) => layers !== undefined) ?? found[0];
}

/** In the words of BuildKit. */
async function explain<Value>({type}: CacheFromOption, work: () => Promise<Value>): Promise<Value> {
	try {
		return await work();
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to configure ${type} cache importer: ${error.message}`, {cause: error}) : error;
	}
}

/** Registries by their reference as it was given; others by a number, as in BuildKit. */
function nameOf(option: CacheFromOption): string {
	switch (option.type) {
		case 'registry': {
			return option.reference;
		}

		case 'unusable': {
			return `${option.name}:${numberOf(option)}`;
		}

		case 's3':
		case 'local': {
			return `${option.type}:${numberOf(option)}`;
		}
	}
}

function numberOf(option: CacheFromOption): string {
	const hex = digestOf(JSON.stringify(option)).slice('sha256:'.length, 'sha256:'.length + 16);
	return BigInt(`0x${hex}`).toString();
}
