import {Buffer} from 'node:buffer';
import {DefinitionBuilder, type Definition} from '../../src/definition/definition.ts';
import type {ExecOperation, FileAction, Operation} from '../../src/definition/operations.ts';
import {parseDigest, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent} from '../../src/kernel/progress-event.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {snapshotOf} from '../../solver/ops/build-result.ts';
import {createVertexes, type VertexContext} from '../../solver/ops/create-vertex.ts';
import {SnapshotCache} from '../../solver/ops/snapshot-cache.ts';
import {solve} from '../../solver/scheduler.ts';
import type {BaseImage} from './base-image.ts';
import type {BuildStore} from './build-store.ts';

const platform = {os: 'linux', architecture: 'amd64'};

const plainRun: ExecOperation = {
	kind: 'exec',
	root: 0,
	args: [],
	env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
	cwd: '/',
	user: '',
	network: 'none',
	security: 'sandbox',
	mounts: [],
	platform,
};

/** What a step is besides its command; the inputs come after the root. */
export type RunOptions = Partial<ExecOperation> & {
	readonly inputs?: readonly Digest[];
	readonly ignoreCache?: boolean;
};

/** How a build went. */
export type SolvedBuild = {
	readonly snapshot: SnapshotId | null;
	/** Names of the vertexes that executed, sorted. */
	readonly executed: readonly string[];
	/** Names of the vertexes that came from the cache, sorted. */
	readonly cached: readonly string[];
	/** What steps wrote, in order. */
	readonly output: string;
	readonly warnings: readonly string[];
};

/** Builds a definition step by step, as a frontend would. Each step is named by its text. */
export class BuildSteps {
	readonly #builder = new DefinitionBuilder();

	#add(name: string, {operation, inputs, ignoreCache = false}: {readonly operation: Operation; readonly inputs: readonly Digest[]; readonly ignoreCache?: boolean}): Digest {
		return this.#builder.add(operation, inputs, {name, locations: [{file: 'Dockerfile', startLine: 1, endLine: 1}], ignoreCache});
	}

	from({directory, manifestDigest}: Pick<BaseImage, 'directory' | 'manifestDigest'>): Digest {
		const operation: Operation = {
			kind: 'source-image',
			location: {type: 'oci-layout', directory},
			reference: 'docker.io/library/base:latest',
			manifestDigest: parseDigest(manifestDigest),
			platform,
		};
		return this.#add('FROM', {operation, inputs: []});
	}

	context(): Digest {
		return this.#add('context', {operation: {kind: 'source-local', name: 'context'}, inputs: []});
	}

	run(root: Digest, script: string | readonly string[], {inputs = [], ignoreCache = false, ...operation}: RunOptions = {}): Digest {
		const args = typeof script === 'string' ? ['/bin/sh', '-c', script] : script;
		return this.#add(`RUN ${args.at(-1)}`, {operation: {...plainRun, args, ...operation}, inputs: [root, ...inputs], ignoreCache});
	}

	/** Input 0 is the root, unless it is `null`; the others follow. */
	files(root: Digest | null, inputs: readonly Digest[], actions: readonly FileAction[]): Digest {
		const name = `COPY ${actions.map(action => (action.action === 'copy' ? action.destination : action.path)).join(' ')}`;
		const operation: Operation = {
			kind: 'file',
			root: root === null ? null : 0,
			actions,
			platform,
		};
		return this.#add(name, {operation, inputs: root === null ? inputs : [root, ...inputs]});
	}

	finish(result: Digest | null): Definition {
		return this.#builder.finish(result);
	}
}

/** How to solve a build; the parts of the context are those of the test's store unless given. */
export type SolveBuildOptions = Partial<VertexContext> & {
	readonly signal?: AbortSignal;
	/** Called whenever a step has written something. */
	readonly onOutput?: (text: string) => void;
};

/** Solves a definition in a store, whose context it may use. */
export async function solveBuild({store, contextDirectory}: BuildStore, definition: Definition, options: SolveBuildOptions = {}): Promise<SolvedBuild> {
	const {signal = new AbortController().signal, onOutput, ...context} = options;
	const events: ProgressEvent[] = [];
	const warnings: string[] = [];
	const vertex = createVertexes(definition, {
		store,
		layers: new LayerStore(store),
		localDirectories: new Map([['context', contextDirectory]]),
		entitlements: new Set(),
		openNetwork: async () => 'none',
		limits: {},
		proxyEnvironment: [],
		userEnvironment: {},
		async openRegistry() {
			throw new TypeError('no image of this test is in a registry');
		},
		async openHttp() {
			throw new TypeError('nothing of this test is in the web');
		},
		readSecret: async () => undefined,
		sshAgents: new Map(),
		warn(line) {
			warnings.push(line);
		},
		...context,
	});
	const result = vertex && await solve(vertex, {
		cache: new SnapshotCache(store),
		progress(event) {
			events.push(event);
			if (event.type === 'log') {
				onOutput?.(Buffer.from(event.data).toString());
			}
		},
		signal,
	});
	const ended = events.filter(event => event.type === 'vertex').filter(({completed}) => completed !== undefined);
	return {
		snapshot: result && snapshotOf(result),
		executed: ended.filter(({cached}) => cached !== true).map(({name}) => name).toSorted(),
		cached: ended.filter(({cached}) => cached === true).map(({name}) => name).toSorted(),
		output: events.filter(event => event.type === 'log').map(({data}) => Buffer.from(data).toString()).join(''),
		warnings,
	};
}
