import {CachedLayers} from '../../snapshotter/cached-layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {FillCache} from '../../solver/ops/exec-mounts.ts';
import {ImportedCache} from '../../solver/ops/imported-cache.ts';
import {exportCaches} from '../cache/export-caches.ts';
import {importCaches, type ImportedSource} from '../cache/import-caches.ts';
import {encodeInlineCache} from '../cache/inline-cache.ts';
import {UsedResults} from '../cache/used-results.ts';
import {SharedMounts} from '../cache/shared-mounts.ts';
import {cacheMountId} from '../definition/cache-mount-id.ts';
import type {Definition} from '../definition/definition.ts';
import type {BuildStep} from './solve-definition.ts';

/** The caches of others that a build takes results from, and those that it writes. */
export class SharedCaches implements AsyncDisposable {
	/**
	Reads the caches that a build takes results from.

	@throws the reason of the signal
	*/
	static async open(step: BuildStep): Promise<SharedCaches> {
		const {options: {cacheFrom, openRegistry, openHttp, progress, warn, signal}, store} = step;
		const cachedLayers = new CachedLayers(store);
		const sources = await importCaches(cacheFrom, {
			openRegistry, openHttp, store, cachedLayers, progress, warn, signal,
		});
		return new SharedCaches(step, sources, cachedLayers);
	}

	readonly #step: BuildStep;
	readonly #sources: readonly ImportedSource[];
	readonly #cachedLayers: CachedLayers;
	readonly #mounts: SharedMounts;
	/** That of the store, with the others behind it. */
	readonly cache: ImportedCache;
	/** Fills a new directory of a cache mount, if a cache has it. */
	readonly fillCache: FillCache = async (id, directory) => this.#mounts.fill(id, directory);

	private constructor(step: BuildStep, sources: readonly ImportedSource[], cachedLayers: CachedLayers) {
		this.#step = step;
		this.#sources = sources;
		this.#cachedLayers = cachedLayers;
		const {options: {warn, signal}, store} = step;
		this.#mounts = new SharedMounts({
			store, sources, warn, signal,
		});
		this.cache = new ImportedCache({store, cachedLayers, sources});
	}

	#usedResults(snapshot: SnapshotId | null): UsedResults {
		const {options: {signal}, store, layers} = this.#step;
		return new UsedResults({
			store, layers, usedKeys: this.cache.usedKeys, sources: this.#sources, snapshot, signal,
		});
	}

	/** What an image carries of the cache. */
	async encodeInline(snapshot: SnapshotId | null): Promise<string> {
		const used = this.#usedResults(snapshot);
		return encodeInlineCache(await used.list('min'), await used.chainIds());
	}

	/**
	Writes the caches that the build is asked for.

	@throws as `exportCaches`
	*/
	async export(snapshot: SnapshotId | null, definition: Definition): Promise<void> {
		const {options: {cacheTo, openRegistry, openHttp, progress, warn, signal}, store, layers} = this.#step;
		await exportCaches(cacheTo.filter(option => option.type !== 'inline'), {
			used: this.#usedResults(snapshot), mounts: this.#mounts, mountIds: cacheMountsOf(definition), store, layers, openRegistry, openHttp, warn, progress, signal,
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#cachedLayers[Symbol.asyncDispose]();
	}
}

/** The ids of the cache mounts of all steps. */
function cacheMountsOf({vertexes}: Definition): readonly string[] {
	const execs = vertexes.values().map(({operation}) => operation).filter(operation => operation.kind === 'exec');
	const mounts = execs.flatMap(operation => operation.mounts).filter(mount => mount.type === 'cache');
	return [...new Set(mounts.map(mount => cacheMountId(mount)))];
}
