import {Buffer} from 'node:buffer';
import {mkdirSync, mkdtempSync} from 'node:fs';
import path from 'node:path';
import {runContainer, type RunContainerOptions} from '../../solver/executor/container.ts';
import type {ContainerResult, ContainerSpec} from '../../solver/executor/container-spec.ts';
import {createDetachedOverlay} from '../../src/linux/detached-overlay.ts';
import {makeBusyboxRoot} from './busybox-root.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** What a step in a container has left. */
export type StepResult = ContainerResult & {
	readonly stdout: string;
	readonly stderr: string;
};

/** What a step is run with, besides its command; the rest is that of a plain RUN. */
export type StepOptions = Partial<Omit<ContainerSpec, 'root' | 'output'>> & Pick<RunContainerOptions, 'environment'> & {
	readonly signal?: AbortSignal;
	/** Gets each piece of output as it comes. */
	readonly output?: ContainerSpec['output'];
};

/** A root filesystem of busybox as a step gets it: an overlay with an empty upper directory. */
export type StepRoot = AsyncDisposable & {
	/** The root before the step, which a test may change before it runs one. */
	readonly lower: string;
	/** What steps have changed. */
	readonly upper: string;
	/** Runs a step: a shell script, or the arguments of an exec form. Each has a new mount of the same files. */
	readonly run: (command: string | readonly string[], options: StepOptions) => Promise<StepResult>;
};

/** Makes a root filesystem in a temporary directory. */
export async function makeStepRoot(): Promise<StepRoot> {
	const directory = await makeTemporaryDirectory();
	const [lower, upper] = ['lower', 'upper'].map(name => path.join(directory.path, name)) as [string, string];
	mkdirSync(lower);
	mkdirSync(upper);

	makeBusyboxRoot(lower);
	return {
		lower,
		upper,
		async run(command, options) {
			// A work directory serves one mount only.
			const workDirectory = mkdtempSync(path.join(directory.path, 'work-'));
			await using root = await createDetachedOverlay({lowerDirectories: [lower], upperDirectory: upper, workDirectory});
			return await runStep(root, typeof command === 'string' ? ['/bin/sh', '-c', command] : command, options);
		},
		async [Symbol.asyncDispose]() {
			await directory[Symbol.asyncDispose]();
		},
	};
}

async function runStep(root: ContainerSpec['root'], args: readonly string[], {environment, signal, output, ...rest}: StepOptions): Promise<StepResult> {
	const pieces = {stdout: [] as Uint8Array[], stderr: [] as Uint8Array[]};
	const result = await runContainer({
		id: `test-${crypto.randomUUID()}`,
		args,
		env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
		cwd: '/',
		user: '',
		network: 'none',
		security: 'sandbox',
		hostname: 'buildkitsandbox',
		mounts: [],
		limits: {},
		extraHosts: [],
		...rest,
		root,
		output(stream, data) {
			pieces[stream].push(data);
			output?.(stream, data);
		},
	}, {environment, ...(signal !== undefined && {signal})});
	return {...result, stdout: Buffer.concat(pieces.stdout).toString(), stderr: Buffer.concat(pieces.stderr).toString()};
}
