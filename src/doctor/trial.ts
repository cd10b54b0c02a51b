import {Buffer} from 'node:buffer';
import {mkdtemp, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {errorMessage, firstError, TsbuildError} from '../kernel/errors.ts';
import {hostArchitecture} from '../linux/architecture.ts';
import {createDetachedOverlay} from '../linux/detached-overlay.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {overlayAttributesHere} from '../../snapshotter/whiteout.ts';
import {prepareContainerEnvironment} from '../../solver/executor/container-environment.ts';
import {runContainer} from '../../solver/executor/container.ts';
import {encodeInitProgram} from '../../solver/executor/init-program.ts';
import type {Finding, Patient} from './finding.ts';
import {existingPart} from './store.ts';

const greeting = 'hello from a step\n';

/** Runs a step as a build does, in a store of its own beside the user's, and removes both: what the other examinations overlook shows here. */
export async function tryStep({root, refusal}: Patient): Promise<readonly Finding[]> {
	if (refusal !== undefined) {
		return [];
	}

	try {
		await using directory = await makeDirectory(await existingPart(root));
		await using store = await openStore(directory.path);
		return [await examineSnapshots(store), await examineStep(store)];
	} catch (error) {
		return [fault('snapshots', error)];
	}
}

async function makeDirectory(parent: string): Promise<AsyncDisposable & {readonly path: string}> {
	const directory = await mkdtemp(path.join(parent, '.tsbuild-doctor-'));
	return {path: directory, [Symbol.asyncDispose]: async () => removeTree(directory)};
}

async function examineSnapshots({root, overlayFailure}: Store): Promise<Finding> {
	const topic = 'snapshots';
	return overlayFailure === undefined
		? {status: 'ok', topic, summary: await canAppendDirectories(root) ? 'overlayfs' : 'overlayfs, as before Linux 6.8: images of more than 14 layers are mounted more slowly'}
		: {
			status: 'warning',
			topic,
			summary: `copies, because overlayfs does not work here: ${overlayFailure}`,
			advice: 'Builds are slower and take more space. Overlayfs needs its kernel module, and a directory on ext4, xfs, btrfs or tmpfs: choose one with --root.',
		};
}

/** Mounts any two directories over each other. */
async function canAppendDirectories(root: string): Promise<boolean> {
	const lowerDirectories = ['content', 'sessions'].map(name => path.join(root, name));
	try {
		using _ = await createDetachedOverlay({lowerDirectories, userxattr: overlayAttributesHere() === 'user'}, 'append');
		return true;
	} catch {
		return false;
	}
}

async function examineStep(store: Store): Promise<Finding> {
	try {
		const start = performance.now();
		const {output, exitCode} = await runStep(store);
		const milliseconds = Math.round(performance.now() - start);
		return output === greeting
			? {status: 'ok', topic: 'step', summary: `ran in ${milliseconds} ms`}
			: fault('step', new Error(`the step ended with exit code ${exitCode} and printed ${JSON.stringify(output)}`));
	} catch (error) {
		return fault('step', error);
	}
}

function fault(topic: string, thrown: unknown): Finding {
	const error = firstError(thrown);
	const hint = error instanceof TsbuildError ? error.hint : undefined;
	return {
		status: 'fault', topic, summary: errorMessage(error), advice: hint ?? 'The other lines may tell why.',
	};
}

async function runStep(store: Store): Promise<{readonly output: string; readonly exitCode: number}> {
	await using active = await store.snapshotter.prepare(undefined);
	await writeFile(path.join(active.changesDirectory, 'greet'), greeter(), {mode: 0o755});
	using root = await active.mount();
	const chunks: Uint8Array[] = [];
	const {exitCode} = await runContainer({
		id: `${store.session.id}-${active.id}`,
		root,
		args: ['/greet'],
		env: [],
		cwd: '/',
		user: '',
		network: 'none',
		security: 'sandbox',
		hostname: 'doctor',
		mounts: [],
		limits: {},
		extraHosts: [],
		output(_stream, data) {
			chunks.push(data);
		},
	}, {environment: await prepareContainerEnvironment()});
	return {output: Buffer.concat(chunks).toString(), exitCode};
}

/** A static program that says hello, and ends with 125 because there is nothing that it could execute. */
function greeter(): Uint8Array {
	return encodeInitProgram([
		{call: 'write', args: [1, greeting, greeting.length], describe: 'greet'},
		{call: 'execve', args: ['', [null], [null]], describe: 'end'},
	], hostArchitecture());
}
