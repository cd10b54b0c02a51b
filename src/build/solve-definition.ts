import path from 'node:path';
import {FlightFiles} from '../../snapshotter/flight-files.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheStore} from '../../solver/cache-store.ts';
import type {BuildResult} from '../../solver/ops/build-result.ts';
import {StepNetworks} from '../../solver/network/step-networks.ts';
import type {FillCache} from '../../solver/ops/exec-mounts.ts';
import {createVertexes} from '../../solver/ops/create-vertex.ts';
import {SnapshotCache} from '../../solver/ops/snapshot-cache.ts';
import {solve} from '../../solver/scheduler.ts';
import {readSecret} from '../context/secrets.ts';
import type {Definition} from '../definition/definition.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {Descriptor} from '../linux/descriptor.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {BuildOptions} from './build-options.ts';
import type {StoredProject} from './explain/step-facts.ts';
import {StepJournal} from './explain/step-journal.ts';

/** What all parts of a build work with. */
export type BuildStep = {
	readonly options: BuildOptions;
	readonly store: Store;
	readonly layers: LayerStore;
};

/** What a definition finds outside of itself, by the names that it has for them. */
export type SolveInputs = {
	readonly localDirectories?: ReadonlyMap<string, Descriptor>;
	readonly ignorePatterns?: ReadonlyMap<string, readonly string[]>;
	readonly givenResults?: ReadonlyMap<string, BuildResult>;
	/** Where results are looked for and recorded; in the store when not given. */
	readonly cache?: CacheStore<BuildResult>;
	/** Fills a new directory of a cache mount from elsewhere, and says whether it has. */
	readonly fillCache?: FillCache;
	/** `NAME=value` of the proxies, for every container. */
	readonly proxyEnvironment?: readonly string[];
};

/**
Solves a definition; `null` is the empty file system.

@throws {SolveError} when a vertex fails; as `createVertexes`; the reason of the signal
*/
export async function solveDefinition(definition: Definition, {options, store, layers}: BuildStep, given: SolveInputs): Promise<SnapshotId | null> {
	const {localDirectories = new Map(), cache = new SnapshotCache(store), fillCache, proxyEnvironment = [], ...inputs} = given;
	await using networks = new StepNetworks(options.warn);
	const vertex = createVertexes(definition, {
		...inputs,
		store,
		layers,
		localDirectories,
		entitlements: options.entitlements,
		openNetwork: async (stepClass, signal) => networks.open(stepClass, signal),
		limits: options.limits,
		...(options.cgroupParent !== undefined && {cgroupParent: options.cgroupParent}),
		openRegistry: openPermitted(options),
		openHttp: options.openHttp,
		userEnvironment: options.environment,
		readSecret: async id => readSecret(options.secrets, id),
		fillCache,
		sshAgents: options.sshAgents,
		proxyEnvironment,
		roomForOutput: options.roomForOutput,
		warn: options.warn,
	});
	if (vertex === null) {
		return null;
	}

	const project = {definition, project: projectOf(options), metadata: store.metadata};
	const journal = new StepJournal(project);
	await using _explanation = options.explain ? explainAtEnd(journal, project, options.progress) : undefined;
	const result = await solve(vertex, {
		cache,
		flights: new FlightFiles(store.root),
		journal,
		maximumParallelism: options.maximumParallelism,
		progress: options.progress,
		signal: options.signal,
	});
	if (result.kind !== 'snapshot') {
		throw new TypeError('the result of a definition is a snapshot');
	}

	return result.snapshot;
}

/** The same for each build of the same files. */
function projectOf({context, dockerfile}: BuildOptions): string {
	const place = context.type === 'directory' ? {...context, path: path.resolve(context.path)} : context;
	// What is read from a stream has no name.
	return JSON.stringify([place, dockerfile]);
}

/** Tells when it is disposed of, however the build ends, why steps were executed. */
function explainAtEnd(journal: StepJournal, project: StoredProject, progress: ProgressSink): AsyncDisposable {
	return {
		async [Symbol.asyncDispose]() {
			const {explainSteps} = await import('./explain/explain-steps.ts');
			for (const explanation of await explainSteps(journal, project)) {
				progress(explanation);
			}
		},
	};
}

/** The registries for the layers of images; a build that asks none fails where layers are missing. */
function openPermitted({pull, openRegistry}: BuildOptions): () => Promise<RegistryClient> {
	return async () => {
		if (pull === 'never') {
			throw new TsbuildError('ERR_TSBUILD_CONTENT_NOT_FOUND', 'failed to find layers of the image in the store', {hint: 'Build without --pull=never: then they are downloaded.'});
		}

		return openRegistry();
	};
}
