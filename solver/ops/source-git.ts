import {existsSync} from 'node:fs';
import {mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import type {SourceGitOperation} from '../../src/definition/operations.ts';
import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {
	moveSubdirectory,
	removeGitFiles,
	setAllTimes,
} from './git-checkout.ts';
import {runGit, type GitProgram} from './git-program.ts';
import {
	fetchCommit,
	findCommit,
	openGit,
	redact,
	type GitCommit,
	type GitRemoteContext,
} from './git-remote.ts';

/** What git sources work with. */
export type SourceGitContext = GitRemoteContext & {
	readonly store: Pick<Store, 'session' | 'snapshotter'>;
	/** Of the vertex: describes the snapshot. */
	readonly name: string;
};

/**
The operation of ADD with a repository, and of a context that is one: the files of a commit, which all have its time, or one directory of them.

@see https://github.com/moby/buildkit/blob/v0.32.2/source/git/source.go
*/
export function createSourceGitOp(operation: SourceGitOperation, context: SourceGitContext): Op<BuildResult> {
	let found: Promise<GitCommit> | undefined;
	const find = async (signal: AbortSignal) => {
		found ??= openGit(operation, context, signal).then(async git => findCommit(operation, git));
		return found;
	};

	return {
		async cacheMap(signal) {
			const {kind, subdirectory, hasSubmodules, time} = operation;
			const {hash} = await find(signal);
			// The directory names the repository that it comes from.
			const origin = keepsDirectory(operation) ? operation.remote : null;
			return {
				digest: canonicalDigest({
					kind, hash, subdirectory, hasSubmodules, time, origin,
				}),
				inputs: [],
			};
		},
		async execute(_inputs, {signal}) {
			const commit = await find(signal);
			const git = await openGit(operation, context, signal);
			await using active = await context.store.snapshotter.prepare(undefined);
			// There is nothing below, so what is seen is what stands in the directory for changes.
			await checkOut(operation, commit, {directory: active.changesDirectory, temporaryDirectory: () => context.store.session.temporaryFile(), git});
			return {kind: 'snapshot', snapshot: await active.commit({description: context.name, isCheckout: true})};
		},
	};
}

/** Of a part of a repository there is no repository. */
function keepsDirectory({keepsGitDirectory, subdirectory}: SourceGitOperation): boolean {
	return keepsGitDirectory && subdirectory === '';
}

type Checkout = {
	/** Where the files are to be. */
	readonly directory: string;
	/** Gives a new path, which is removed at the end of the build. */
	readonly temporaryDirectory: () => string;
	readonly git: GitProgram;
};

async function checkOut(operation: SourceGitOperation, commit: GitCommit, {directory, temporaryDirectory, git}: Checkout): Promise<void> {
	const isKept = keepsDirectory(operation);
	const repository = isKept ? path.join(directory, '.git') : temporaryDirectory();
	const workTree = operation.subdirectory === '' ? directory : temporaryDirectory();
	await mkdir(workTree, {recursive: true});
	await mkdir(repository);
	const run = async (...parameters: readonly string[]) => runGit(['--git-dir', repository, '--work-tree', workTree, '-C', workTree, ...parameters], git);
	await runGit(['--git-dir', repository, 'init', '--quiet', '--template='], git);
	await fetchCommit(operation, commit, {repository, git});
	await run('checkout', '--quiet', '--force', '--detach', commit.hash);
	if (operation.hasSubmodules && existsSync(path.join(workTree, '.gitmodules'))) {
		await updateSubmodules(run, git.signal);
	}

	const committedAt = Number(await run('show', '--no-patch', '--no-show-signature', '--format=%ct', commit.hash));
	if (isKept) {
		await run('remote', 'set-url', 'origin', redact(operation.remote));
		await run('reflog', 'expire', '--all', '--expire=now');
		await rm(path.join(repository, 'FETCH_HEAD'), {force: true});
	} else {
		await removeGitFiles(workTree);
	}

	if (operation.subdirectory !== '') {
		moveSubdirectory(workTree, operation.subdirectory, directory);
	}

	if (operation.time === 'commit') {
		await setAllTimes(directory, committedAt, git.signal);
	}
}

async function updateSubmodules(run: (...parameters: readonly string[]) => Promise<string>, signal: AbortSignal): Promise<void> {
	const update = ['submodule', 'update', '--quiet', '--init', '--recursive'];
	try {
		await run(...update, '--depth=1');
	} catch {
		signal.throwIfAborted();
		// A server that knows no single commits.
		await run(...update);
	}
}
