import {posix} from 'node:path';
import {TsbuildError, errorCode} from '../../src/kernel/errors.ts';
import type {ExecMount} from '../../src/definition/operations.ts';
import {O_PATH} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {cloneMount} from '../../src/linux/detached-mount.ts';
import {openInRoot} from '../../src/linux/resolve.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {ContainerMount} from '../executor/container-spec.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';
import {sourceNotFound} from './file-error.ts';
import {openSourceTree} from './source-tree.ts';

/** The mounts of a container, and what they stand on. */
export type ExecMounts = AsyncDisposable & {readonly mounts: readonly ContainerMount[]};

/**
Opens what a RUN mounts. Paths inside the inputs are resolved inside them, and held by descriptors from then on: what is changed there later leads nowhere else.

What is written to a mount that is not read-only is thrown away.

@throws {TsbuildError} `ERR_TSBUILD_SOURCE_NOT_FOUND`; `ERR_TSBUILD_MOUNT` for a writable mount of a client's directory
*/
export async function openExecMounts(mounts: readonly ExecMount[], inputs: readonly BuildResult[], store: Pick<Store, 'root' | 'snapshotter'>): Promise<ExecMounts> {
	await using opened = new AsyncDisposableStack();
	const result: ContainerMount[] = [];
	for (const mount of mounts) {
		const input = mount.input === null ? null : inputs[mount.input]!;
		const root = mount.readOnly ? opened.use(await openSourceTree(input, store)).root : await openWritable(input, {store, opened});
		result.push({
			type: 'detached',
			mount: isWholeSnapshot(input, mount) ? root : opened.use(openSource(root, mount)),
			target: mount.target,
			readOnly: mount.readOnly,
		});
	}

	const kept = opened.move();
	return {
		mounts: result,
		async [Symbol.asyncDispose]() {
			await kept.disposeAsync();
		},
	};
}

async function openWritable(input: BuildResult | null, {store, opened}: {readonly store: Pick<Store, 'snapshotter'>; readonly opened: AsyncDisposableStack}): Promise<Descriptor> {
	if (input?.kind === 'directory') {
		throw new TsbuildError('ERR_TSBUILD_MOUNT', `failed to mount ${input.name}: a local directory is mounted read-only`);
	}

	const active = opened.use(await store.snapshotter.prepare((input === null ? null : snapshotOf(input)) ?? undefined));
	return opened.use(await active.mount());
}

/** Then the view is the mount itself: a copy of a mount that is attached nowhere needs Linux 6.15. */
function isWholeSnapshot(input: BuildResult | null, {source}: ExecMount): boolean {
	return input?.kind === 'snapshot' && input.snapshot !== null && posix.resolve('/', source) === '/';
}

function openSource(root: Descriptor, {source, readOnly}: ExecMount): Descriptor {
	try {
		using file = openInRoot(root, source, {flags: O_PATH});
		return cloneMount(file, {readOnly, recursive: false});
	} catch (error) {
		throw errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR' ? sourceNotFound('mount', source) : error;
	}
}
