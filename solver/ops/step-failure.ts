import {statfsSync} from 'node:fs';
import {hasSingleId, singleIdHint} from '../../src/linux/unmapped-id.ts';
import type {ContainerEnvironment} from '../executor/container-environment.ts';
import type {ContainerLimits, ContainerResult} from '../executor/container-spec.ts';
import type {ProcessEnding} from './process-error.ts';

/** Where a step ran. */
export type FailureContext = {
	readonly limits: ContainerLimits;
	readonly environment: Pick<ContainerEnvironment, 'processLimit' | 'userNamespace'>;
	/** The directory that the step's files are in. */
	readonly storeRoot: string;
};

type Explanation = Pick<ProcessEnding, 'reason' | 'hint'>;

const mebibyte = 1024 * 1024;

/** Says what a step has run into that failed, as far as tsbuild knows more than the step. */
export function explainFailure(result: ContainerResult, {limits, environment, storeRoot}: FailureContext): Explanation {
	const {processLimit, userNamespace} = environment;
	if (result.outOfTime) {
		return {reason: `killed: it ran for longer than ${formatSeconds(limits.time!)}`, hint: 'Give steps more time with --timeout.'};
	}

	if (result.outOfMemory) {
		return {
			reason: describeMemory(result, limits),
			hint: limits.memory === undefined ? 'The machine, or the cgroup that tsbuild runs in, has no more memory.' : 'Give the step more memory with --memory.',
		};
	}

	if (result.outOfProcesses) {
		return {reason: `the step reached its limit of ${limits.pids ?? processLimit} processes`, hint: 'Give the step more processes with --pids-limit.'};
	}

	if (isFull(storeRoot)) {
		return {reason: `no space is left in ${storeRoot}`, hint: 'Make room with "tsbuild prune", or choose another directory with --root.'};
	}

	return userNamespace !== undefined && hasSingleId(userNamespace) ? {hint: singleIdHint()} : {};
}

function describeMemory({usage: {peakMemory}}: ContainerResult, {memory}: ContainerLimits): string {
	const facts = [
		memory === undefined ? undefined : `limit ${formatMemory(memory)}`,
		`peak ${formatMemory(peakMemory)}`,
	].filter(fact => fact !== undefined);
	return `killed: out of memory (${facts.join(', ')})`;
}

function formatMemory(bytes: number): string {
	return `${Math.round(bytes / mebibyte)}MiB`;
}

function formatSeconds(milliseconds: number): string {
	return `${milliseconds / 1000}s`;
}

/** What a program cannot write another block to. */
function isFull(directory: string): boolean {
	const {bavail, ffree, files} = statfsSync(directory);
	// Without a number of files, as on btrfs, there is no limit of them.
	return bavail === 0 || (files > 0 && ffree === 0);
}
