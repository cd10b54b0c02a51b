import {posix} from 'node:path';
import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import {errorCode, errorMessage} from '../../src/kernel/errors.ts';
import type {BindMount, ExecMount, ExecOperation} from '../../src/definition/operations.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {SshAgent} from '../../src/ssh/agent.ts';
import {hashTree} from '../../snapshotter/content-hash.ts';
import type {ActiveSnapshot} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {ContainerEnvironment} from '../executor/container-environment.ts';
import type {ContainerLimits, ContainerResult} from '../executor/container-spec.ts';
import type {StepNetwork} from '../executor/network.ts';
import type {StepClass} from '../network/step-networks.ts';
import type {CacheMap, ExecutionContext, Op} from '../vertex.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';
import {ChangedSources} from './changed-sources.ts';
import {digestNamelessSources} from './copy-selection.ts';
import {DescribedContent} from './described-content.ts';
import {joinRelative} from './directory-reads.ts';
import {
	contentOf,
	openExecMounts,
	type ExecMounts,
	type FillCache,
} from './exec-mounts.ts';
import {sourceNotFound} from './file-error.ts';
import {ProcessError} from './process-error.ts';
import {explainFailure} from './step-failure.ts';
import type {SourceTree} from './source-tree.ts';

/** What RUN steps work with. */
export type ExecOpContext = {
	readonly store: Pick<Store, 'root' | 'snapshotter' | 'session'>;
	/** Asked for when the first container is started. */
	readonly environment: () => Promise<ContainerEnvironment>;
	/** Asked for when the first container of a class is started. */
	readonly openNetwork: (stepClass: StepClass, signal: AbortSignal) => Promise<StepNetwork>;
	/** Of each container. They have no part in the cache key. */
	readonly limits: ContainerLimits;
	/** The content of a secret, if there is one of this id. */
	readonly readSecret: (id: string) => Promise<Uint8Array | undefined>;
	/** Fills a new cache directory of an id from elsewhere, and says whether it has. */
	readonly fillCache?: FillCache | undefined;
	/** By the ids that steps know them by. */
	readonly sshAgents: ReadonlyMap<string, SshAgent>;
	/** `NAME=value` of the proxies, for every container that does not set them itself. They have no part in the cache key either. */
	readonly proxyEnvironment: readonly string[];
	/** Of the vertex: describes the snapshot. */
	readonly name: string;
	readonly inputCount: number;
	/** Resolves when more output can be taken; `undefined` when it can now. */
	readonly roomForOutput?: (() => Promise<void> | undefined) | undefined;
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
};

// BuildKit's, which some build scripts look for.
const hostname = 'buildkitsandbox';

// What every container has mounted over it. Made in the root each time, they would be copied up with their directory and removed again.
const generatedFiles = ['etc/resolv.conf', 'etc/hosts'];

/**
The operation of RUN: a process in a container on the root, whose changes are the result.

Its cache key is everything that the process can see besides the root: arguments, environment, user and so on, and the content of what is mounted; not the limits.

@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/ops/exec.go
*/
export function createExecOp(operation: ExecOperation, context: ExecOpContext): Op<BuildResult> {
	return {
		async cacheMap() {
			return execCacheMap(operation, context);
		},
		async execute(inputs, execution) {
			const {store: {snapshotter}, name} = context;
			const parent = operation.root === null ? null : snapshotOf(inputs[operation.root]!);
			await using active = await snapshotter.prepare(parent ?? undefined);
			await runProcess(operation, {
				context,
				active,
				inputs,
				execution,
			});
			return {kind: 'snapshot', snapshot: await active.commit({description: name})};
		},
	};
}

type Run = {
	readonly context: ExecOpContext;
	readonly active: ActiveSnapshot;
	readonly inputs: readonly BuildResult[];
	readonly execution: ExecutionContext;
};

async function runProcess(operation: ExecOperation, run: Run): Promise<void> {
	const {context, execution: {signal, forbidRecord}} = run;
	const changed = new ChangedSources(forbidRecord);
	await using mounts = await openExecMounts(operation.mounts, {
		...context, inputs: run.inputs, onChangedSource: changed.add, signal,
	});
	changed.report(context.name, context.warn);
	let result: ContainerResult;
	try {
		using root = await run.active.mount({mountPoints: generatedFiles});
		result = await runInContainer(operation, {root, mounts}, run);
	} catch (error) {
		signal.throwIfAborted();
		throw new ProcessError(operation.args, {
			exitCode: undefined,
			outOfMemory: false,
			reason: errorMessage(error),
			cause: error,
		});
	}

	run.execution.usage(result.usage);
	const {exitCode, outOfMemory} = result;
	if (exitCode === 0) {
		return;
	}

	const explanation = explainFailure(result, {limits: context.limits, environment: await context.environment(), storeRoot: context.store.root});
	throw new ProcessError(operation.args, {exitCode, outOfMemory, ...explanation});
}

async function runInContainer(operation: ExecOperation, {root, mounts}: {readonly root: Descriptor; readonly mounts: ExecMounts}, {context, active, execution}: Run): Promise<ContainerResult> {
	const {store, limits, environment, openNetwork, proxyEnvironment, roomForOutput} = context;
	const {args, env, cwd, user, network, security, extraHosts = []} = operation;
	// Imported with the first container: a build that finds all in the cache does without.
	const {runContainer} = await import('../executor/container.ts');
	return runContainer({
		id: `${store.session.id}-${active.id}`,
		root,
		args,
		env: withDefaults(withDefaults(mounts.environment, env), proxyEnvironment),
		cwd,
		user,
		network: network === 'default' ? await openNetwork(security, execution.signal) : network,
		security,
		hostname,
		mounts: mounts.mounts,
		limits: {...limits, ...ownLimits(operation)},
		extraHosts,
		output: execution.log,
		roomForOutput,
	}, {environment: await environment(), signal: execution.signal});
}

function ownLimits({ulimits = [], sharedMemory}: ExecOperation): Pick<ContainerLimits, 'ulimits' | 'sharedMemory'> {
	return {
		ulimits: Object.fromEntries(ulimits.map(({name, soft, hard}) => [name, {soft: BigInt(soft), hard: BigInt(hard)}])),
		...(sharedMemory !== undefined && {sharedMemory}),
	};
}

/** Adds the variables that are not set yet. */
function withDefaults(env: readonly string[], defaults: readonly string[]): readonly string[] {
	const names = new Set(env.map(variable => nameOf(variable)));
	return [...env, ...defaults.filter(variable => !names.has(nameOf(variable)))];
}

function nameOf(variable: string): string {
	return variable.slice(0, variable.indexOf('='));
}

function execCacheMap(operation: ExecOperation, {store, inputCount}: ExecOpContext): CacheMap<BuildResult> {
	const {root, mounts, extraHosts} = operation;
	const binds = mounts.filter(mount => mount.type === 'bind');
	const byInput = Array.from({length: inputCount}, (_, input) => (input === root ? [] : binds.filter(mount => mount.input === input)));
	const contents = byInput.map(mounted => (mounted.length === 0 ? undefined : describedContent(mounted, store)));
	return {
		digest: canonicalDigest({
			...operation,
			mounts: mounts.map(mount => withoutPlace(mount, operation)),
			...(extraHosts !== undefined && {extraHosts: extraHosts.map(({name}) => name)}),
		}),
		inputs: contents.map(content => content?.digest),
		contentDescriptions: contents.map(content => content?.describe),
		selectors: byInput.map(mounted => (mounted.length === 0 ? undefined : selectorOf(mounted))),
	};
}

/** A mount without the path that it shows, when the content stands for that; a cache without what says which one it is. */
function withoutPlace(mount: ExecMount, {root}: ExecOperation): ExecMount {
	switch (mount.type) {
		case 'bind': {
			return mount.input === root ? mount : {...mount, source: ''};
		}

		case 'cache': {
			return {
				...mount, id: '', sharing: 'shared', content: null,
			};
		}

		case 'secret':
		case 'ssh':
		case 'tmpfs': {
			return mount;
		}
	}
}

function describedContent(mounted: readonly BindMount[], store: ExecOpContext['store']): DescribedContent {
	return new DescribedContent(store, async (tree, signal) => {
		const digests = [];
		for (const mount of mounted) {
			digests.push(tree.isLocal ? await digestNamelessSources(contentOf(mount), tree, signal) : await digestMounted(mount, tree, signal));
		}

		return digests;
	});
}

async function digestMounted({source}: BindMount, {name, root, listing}: SourceTree, signal: AbortSignal): Promise<Digest> {
	const place = posix.relative('/', posix.resolve('/', source));
	try {
		return await hashTree(root, {
			path: source,
			zeroOwner: false,
			list: listing && ((below, entry) => {
				listing.add(joinRelative(place, below), entry);
			}),
			signal,
		});
	} catch (error) {
		// Also at the end of a link that leads to nothing.
		throw errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR' ? sourceNotFound(name, source) : error;
	}
}

function selectorOf(mounted: readonly BindMount[]): Digest {
	return canonicalDigest(mounted.map(({source}) => source));
}
