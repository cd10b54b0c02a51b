import {readlinkSync, realpathSync} from 'node:fs';
import path from 'node:path';
import type {Definition, DefinitionVertex, VertexMetadata} from '../../src/definition/definition.ts';
import {requireEntitlements, type Entitlement} from '../../src/definition/entitlements.ts';
import type {Operation} from '../../src/definition/operations.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {HttpClient} from '../../src/http.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import type {SshAgent} from '../../src/ssh/agent.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {ContainerEnvironment} from '../executor/container-environment.ts';
import type {ContainerLimits} from '../executor/container-spec.ts';
import type {StepNetwork} from '../executor/network.ts';
import type {StepClass} from '../network/step-networks.ts';
import type {Op, Vertex} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {Downloads} from './downloads.ts';
import {createExecOp} from './exec.ts';
import type {FillCache} from './exec-mounts.ts';
import {createFileOp} from './file.ts';
import {createMergeOp} from './merge.ts';
import {escapeGlob} from './glob.ts';
import {PathPatterns} from './path-patterns.ts';
import {createSourceGitOp} from './source-git.ts';
import {createSourceGivenOp} from './source-given.ts';
import {createSourceHttpOp} from './source-http.ts';
import {createSourceImageOp} from './source-image.ts';
import {createSourceLocalOp, type DirectoryReader} from './source-local.ts';

/** What the vertexes of one build work with. */
export type VertexContext = {
	readonly store: Pick<Store, 'root' | 'metadata' | 'content' | 'snapshotter' | 'session'>;
	readonly layers: Pick<LayerStore, 'unpack' | 'takeSnapshot' | 'layerOf'>;
	/** Called when layers have to be downloaded. */
	readonly openRegistry: () => Promise<RegistryClient>;
	/** Called when something of the web is needed. */
	readonly openHttp: () => Promise<HttpClient>;
	/** Directories of the client by the names that the definition has for them. They stay open until the build is over. */
	readonly localDirectories: ReadonlyMap<string, Descriptor>;
	/** File systems that are there already, by the names that the definition has for them. */
	readonly givenResults?: ReadonlyMap<string, BuildResult>;
	/** Patterns in the manner of .dockerignore, by the names of the directories that have some. */
	readonly ignorePatterns?: ReadonlyMap<string, readonly string[]>;
	/** What the steps may ask for beyond an ordinary container. */
	readonly entitlements: ReadonlySet<Entitlement>;
	/** The network of steps that ask for no other one; called when the first of a class starts. */
	readonly openNetwork: (stepClass: StepClass, signal: AbortSignal) => Promise<StepNetwork>;
	/** Of each container. */
	readonly limits: ContainerLimits;
	/** Path of the cgroup that those of containers are made in. */
	readonly cgroupParent?: string;
	/** The content of a secret, if there is one of this id. */
	readonly readSecret: (id: string) => Promise<Uint8Array | undefined>;
	/** Fills a new cache directory of an id from elsewhere, and says whether it has. */
	readonly fillCache?: FillCache | undefined;
	/** By the ids that steps know them by. */
	readonly sshAgents: ReadonlyMap<string, SshAgent>;
	/** `NAME=value` of the proxies, for every container. */
	readonly proxyEnvironment: readonly string[];
	/** Variables of the user: the way to the web, and to the known hosts of SSH. */
	readonly userEnvironment: Readonly<Record<string, string | undefined>>;
	/** Resolves when more output of steps can be taken; `undefined` when it can now. */
	readonly roomForOutput?: (() => Promise<void> | undefined) | undefined;
	/** Takes lines for the user that belong to no step. */
	readonly warn: (line: string) => void;
};

type OpContext = VertexContext & {
	readonly downloads: Downloads;
	/** The same for all vertexes; prepared when the first container is started. */
	readonly environment: () => Promise<ContainerEnvironment>;
};

/**
Makes the graph that a definition describes, and gives the vertex of its result; `null` for the empty file system.

The `description` of a vertex is its `VertexMetadata`.

@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for a broken ignore pattern; `ERR_TSBUILD_ENTITLEMENT` for a step that asks for more than was granted
@throws {TypeError} for a definition that names what is not there
*/
export function createVertexes(definition: Definition, context: VertexContext): Vertex<BuildResult> | null {
	requireEntitlements(definition, context.entitlements);
	const {vertexes, metadata, result} = definition;
	const opContext: OpContext = {
		...context,
		downloads: new Downloads(),
		environment: once(async () => prepareEnvironment(context)),
	};
	const made = new Map<Digest, Vertex<BuildResult>>();
	const wholes = findWholes(vertexes);
	const readers = new Map(vertexes.keys().map(digest => [digest, [] as DirectoryReader[]]));
	for (const [digest, vertex] of vertexes) {
		const created = createVertex(digest, {
			vertex,
			metadata: metadata.get(digest)!,
			inputs: vertex.inputs.map(input => made.get(input)!),
			readers: readers.get(digest)!,
			partOf: wholes.get(digest),
			context: opContext,
		});
		made.set(digest, created);
		for (const [input, inputDigest] of vertex.inputs.entries()) {
			readers.get(inputDigest)!.push({op: created.op, input});
		}
	}

	return result === null ? null : made.get(result)!;
}

/** The copies that are made only to be merged, with the first vertex that does it: the two are one instruction. */
function findWholes(vertexes: Definition['vertexes']): ReadonlyMap<Digest, Digest> {
	const wholes = new Map<Digest, Digest>();
	const others = new Set<Digest>();
	for (const [digest, {operation, inputs}] of vertexes) {
		for (const [index, input] of inputs.entries()) {
			if (operation.kind !== 'merge' || index !== operation.layer) {
				others.add(input);
			} else if (!wholes.has(input)) {
				wholes.set(input, digest);
			}
		}
	}

	return new Map(wholes.entries().filter(([part]) => !others.has(part)));
}

function createVertex(digest: Digest, {vertex: {operation}, metadata, inputs, readers, partOf, context}: {
	readonly vertex: DefinitionVertex;
	readonly metadata: VertexMetadata;
	readonly inputs: ReadonlyArray<Vertex<BuildResult>>;
	/** The vertexes that have this one as an input, as far as they have been created. */
	readonly readers: readonly DirectoryReader[];
	readonly partOf: Digest | undefined;
	readonly context: OpContext;
}): Vertex<BuildResult> {
	const {name, ignoreCache} = metadata;
	return {
		digest,
		name,
		inputs,
		op: createOp(operation, context, {name, inputCount: inputs.length, readers}),
		ignoreCache,
		partOf,
		description: metadata,
	};
}

function createOp(operation: Operation, context: OpContext, vertex: {readonly name: string; readonly inputCount: number; readonly readers: readonly DirectoryReader[]}): Op<BuildResult> {
	const {store} = context;
	switch (operation.kind) {
		case 'source-image': {
			return createSourceImageOp(operation, {...context, content: store.content});
		}

		case 'source-http': {
			return createSourceHttpOp(operation, {...context, ...vertex});
		}

		case 'source-git': {
			return createSourceGitOp(operation, {...context, ...vertex, environment: context.userEnvironment});
		}

		case 'source-local': {
			return createSourceLocalOp(operation, localDirectory(operation.name, context), {metadata: store.metadata, readers: vertex.readers});
		}

		case 'source-given': {
			return createSourceGivenOp(operation, givenResult(operation.name, context));
		}

		case 'exec': {
			return createExecOp(operation, {...context, ...vertex});
		}

		case 'file': {
			return createFileOp(operation, {store, warn: context.warn, ...vertex});
		}

		case 'merge': {
			return createMergeOp(operation, {...context, ...vertex});
		}
	}
}

function givenResult(name: string, {givenResults}: OpContext): BuildResult {
	const result = givenResults?.get(name);
	if (result === undefined) {
		throw new TypeError(`there is no file system ${name}`);
	}

	return result;
}

function localDirectory(name: string, {localDirectories, ignorePatterns, store}: OpContext) {
	const directory = localDirectories.get(name);
	if (directory === undefined) {
		throw new TypeError(`there is no local directory ${name}`);
	}

	return {
		kind: 'directory',
		name,
		directory,
		ignore: new PathPatterns([...ignorePatterns?.get(name) ?? [], ...storePatterns(directory, store.root)], 'ignore patterns'),
	} as const;
}

/** Leaves out a store that is kept inside the directory: a copy of it would go on for as long as it makes the store grow. */
function storePatterns(directory: Descriptor, storeRoot: string): readonly string[] {
	const relative = path.relative(readlinkSync(directory.path), realpathSync(storeRoot));
	const isInside = relative !== '' && relative !== '..' && !relative.startsWith('../');
	return isInside ? [escapeGlob(relative)] : [];
}

async function prepareEnvironment({cgroupParent, limits, store, warn}: VertexContext): Promise<ContainerEnvironment> {
	const {prepareContainerEnvironment} = await import('../executor/container-environment.ts');
	const environment = await prepareContainerEnvironment({cgroupParent, sessionDirectory: store.session.directory});
	const {cgroups, userNamespace} = environment;
	if (cgroups.kind === 'unavailable' && (userNamespace === undefined || hasResourceLimit(limits))) {
		warn(`RUN steps run without limits: ${cgroups.reason}`);
	}

	return environment;
}

/** Whether a limit was asked for that needs a cgroup. */
function hasResourceLimit({ulimits, sharedMemory, time, ...others}: ContainerLimits): boolean {
	return Object.keys(others).length > 0;
}

function once<Value>(make: () => Value): () => Value {
	let made: {readonly value: Value} | undefined;
	return () => {
		made ??= {value: make()};
		return made.value;
	};
}
