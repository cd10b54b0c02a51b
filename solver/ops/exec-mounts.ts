import {posix} from 'node:path';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';
import {cacheMountId} from '../../src/definition/cache-mount-id.ts';
import type {
	BindMount,
	CacheMount,
	CopyAction,
	ExecMount,
	SecretMount,
	SshMount,
	TmpfsMount,
} from '../../src/definition/operations.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {cloneMount} from '../../src/linux/detached-mount.ts';
import {openInRoot} from '../../src/linux/resolve.ts';
import type {SshAgent} from '../../src/ssh/agent.ts';
import {openCacheDirectory} from '../../snapshotter/cache-mounts.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {ContainerMount} from '../executor/container-spec.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';
import type {OnChangedSource} from './changed-sources.ts';
import {copy} from './copy.ts';
import {sourceNotFound} from './file-error.ts';
import {openSourceTree} from './source-tree.ts';
import {sshAgentNotFound} from './ssh-agent-not-found.ts';

/** The mounts of a container with the variables that come with them, and what they stand on. */
export type ExecMounts = AsyncDisposable & {
	readonly mounts: readonly ContainerMount[];
	/** `NAME=value` of secrets. */
	readonly environment: readonly string[];
};

/** What mounts are made of. */
export type MountContext = {
	readonly inputs: readonly BuildResult[];
	readonly store: Pick<Store, 'root' | 'snapshotter' | 'session'>;
	/** The content of a secret, if there is one of this id. */
	readonly readSecret: (id: string) => Promise<Uint8Array | undefined>;
	/** By the ids that mounts know them by. */
	readonly sshAgents: ReadonlyMap<string, SshAgent>;
	/** Called when a file of the client is not what it was when it was digested. */
	readonly onChangedSource: OnChangedSource;
	/** Fills a new cache directory of an id from elsewhere, and says whether it has. */
	readonly fillCache?: FillCache | undefined;
	readonly signal: AbortSignal;
};

/** See `MountContext`. */
export type FillCache = (id: string, directory: Descriptor) => Promise<boolean>;

type Opening = MountContext & {
	readonly opened: AsyncDisposableStack;
	readonly environment: string[];
};

// Where files of a client are put in a snapshot of their own.
const contentPath = '/content';

const tmpfsOptions = 'nosuid';

const permissionBits = 0o777;

/**
Opens what a RUN mounts. Paths inside the inputs are resolved inside them, and held by descriptors from then on: what is changed there later leads nowhere else.

@throws {TsbuildError} `ERR_TSBUILD_SOURCE_NOT_FOUND`; `ERR_TSBUILD_SECRET_NOT_FOUND`; `ERR_TSBUILD_SSH_NOT_FOUND`; the reason of `signal`
*/
export async function openExecMounts(mounts: readonly ExecMount[], context: MountContext): Promise<ExecMounts> {
	await using opened = new AsyncDisposableStack();
	const environment: string[] = [];
	const result: ContainerMount[] = [];
	for (const mount of mounts) {
		context.signal.throwIfAborted();
		result.push(...await openMount(mount, {...context, opened, environment}));
	}

	const kept = opened.move();
	return {
		// What is mounted below another mount comes after it, as with BuildKit, and is not hidden by it.
		mounts: result.toSorted((left, right) => compare(left.target, right.target)),
		environment,
		async [Symbol.asyncDispose]() {
			await kept.disposeAsync();
		},
	};
}

/** What a mount takes of a directory of the client, as a copy would. */
export function contentOf({input, source}: BindMount): CopyAction {
	return {
		action: 'copy',
		input,
		source,
		destination: contentPath,
		allowWildcard: false,
		allowEmptyWildcard: false,
		directoryContentsOnly: true,
		createDestinationPath: true,
		followSymlinks: true,
		attemptUnpack: false,
		keepParents: false,
		include: [],
		exclude: [],
	};
}

async function openMount(mount: ExecMount, opening: Opening): Promise<readonly ContainerMount[]> {
	switch (mount.type) {
		case 'bind': {
			const {target, readOnly} = mount;
			return [{
				type: 'detached', mount: await openBind(mount, opening), target, readOnly,
			}];
		}

		case 'cache': {
			const {target, readOnly} = mount;
			return [{
				type: 'detached', mount: await openCache(mount, opening), target, readOnly,
			}];
		}

		case 'tmpfs': {
			return [openTmpfs(mount)];
		}

		case 'secret': {
			return openSecret(mount, opening);
		}

		case 'ssh': {
			return openSsh(mount, opening);
		}
	}
}

async function openBind(mount: BindMount, opening: Opening): Promise<Descriptor> {
	const {inputs, store, opened} = opening;
	const input = mount.input === null ? null : inputs[mount.input]!;
	if (input?.kind === 'directory') {
		// A copy, so that the step sees the files that count: without those ignored, as root's, and as they were when they were digested.
		return openCopy(mount, input, opening);
	}

	const root = mount.readOnly ? opened.use(await openSourceTree(input, store)).root : await openWritable(input, opening);
	if (isWholeSnapshot(input, mount)) {
		return root;
	}

	try {
		return openPart(root, mount, opening);
	} catch (error) {
		if (errorCode(error) !== 'EINVAL') {
			throw error;
		}

		// Before Linux 6.15, no part of a mount can be mounted that is attached nowhere.
		return openCopy(mount, input, opening);
	}
}

async function openCopy(mount: BindMount, input: BuildResult | null, opening: Opening): Promise<Descriptor> {
	const {
		store,
		opened,
		onChangedSource,
		signal,
	} = opening;
	const active = opened.use(await store.snapshotter.prepare(undefined));
	const root = opened.use(Descriptor.open(active.changesDirectory, O_PATH | O_DIRECTORY));
	using tree = await openSourceTree(input, store);
	await copy(contentOf(mount), {
		root,
		tree,
		owner: undefined,
		onChangedSource,
		signal,
	});
	return openPart(root, {source: contentPath, readOnly: mount.readOnly}, opening);
}

async function openWritable(input: BuildResult | null, {store, opened}: Opening): Promise<Descriptor> {
	const active = opened.use(await store.snapshotter.prepare((input === null ? null : snapshotOf(input)) ?? undefined));
	return opened.use(await active.mount());
}

async function openCache({id, sharing, content, input, ...mount}: CacheMount, opening: Opening): Promise<Descriptor> {
	const {
		inputs,
		store,
		opened,
		fillCache,
		signal,
	} = opening;
	const fullId = cacheMountId({id, content});
	const cache = opened.use(await openCacheDirectory(store.root, {
		id: fullId,
		sharing,
		async fill(directory) {
			if (await fillCache?.(fullId, directory) !== true) {
				await copyAll(input === null ? null : inputs[input]!, directory, opening);
			}
		},
		signal,
	}));
	return openPart(cache.directory, mount, opening);
}

async function copyAll(input: BuildResult | null, directory: Descriptor, {store, onChangedSource, signal}: Opening): Promise<void> {
	if (input === null) {
		return;
	}

	using tree = await openSourceTree(input, store);
	const everything = contentOf({
		type: 'bind', input: 0, source: '/', target: '/', readOnly: true,
	});
	await copy({...everything, destination: '/'}, {
		root: directory,
		tree,
		owner: undefined,
		onChangedSource,
		signal,
	});
}

// https://man7.org/linux/man-pages/man5/tmpfs.5.html
function openTmpfs({target, size}: TmpfsMount): ContainerMount {
	return {type: 'tmpfs', target, options: size === undefined ? tmpfsOptions : `${tmpfsOptions},size=${size}`};
}

async function openSecret(mount: SecretMount, {readSecret, environment}: Opening): Promise<readonly ContainerMount[]> {
	const {
		id,
		target,
		environmentName,
		isRequired,
		mode,
		uid,
		gid,
	} = mount;
	const content = await readSecret(id);
	if (content === undefined) {
		if (isRequired) {
			throw new TsbuildError('ERR_TSBUILD_SECRET_NOT_FOUND', `secret ${id}: not found`, {hint: `Give it with --secret id=${id},src=FILE or --secret id=${id},env=NAME.`});
		}

		return [];
	}

	if (environmentName !== undefined) {
		environment.push(`${environmentName}=${new TextDecoder().decode(content)}`);
	}

	return target === undefined
		? []
		: [{
			type: 'file', target, content, mode: mode & permissionBits, uid, gid,
		}];
}

async function openSsh(mount: SshMount, {sshAgents, store, opened}: Opening): Promise<readonly ContainerMount[]> {
	const agent = sshAgents.get(mount.id);
	if (agent === undefined) {
		if (mount.isRequired) {
			throw sshAgentNotFound(mount.id);
		}

		return [];
	}

	const {openAgentSocket} = await import('./agent-socket.ts');
	const socket = opened.use(await openAgentSocket(agent, {...mount, directory: store.session.temporaryFile()}));
	const place = opened.use(cloneMount(socket.path, {readOnly: false, recursive: false}));
	return [{
		type: 'detached', mount: place, target: mount.target, readOnly: false,
	}];
}

/** Then the view is the mount itself: a copy of a mount that is attached nowhere needs Linux 6.15. */
function isWholeSnapshot(input: BuildResult | null, {source}: BindMount): boolean {
	return input?.kind === 'snapshot' && input.snapshot !== null && posix.resolve('/', source) === '/';
}

function openPart(root: Descriptor, {source, readOnly}: Pick<BindMount, 'source' | 'readOnly'>, {opened}: Opening): Descriptor {
	try {
		using file = openInRoot(root, source, {flags: O_PATH});
		return opened.use(cloneMount(file, {readOnly, recursive: false}));
	} catch (error) {
		throw errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR' ? sourceNotFound('mount', source) : error;
	}
}

function compare(left: string, right: string): number {
	return left < right ? -1 : Number(left > right);
}
