import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout} from 'node:timers/promises';
import {abortable} from '../../src/kernel/abortable.ts';
import {NetworkUnavailable} from './network-unavailable.ts';

// It takes some hundredths of a second, on a busy machine longer.
const patience = 10_000;

/** How a program that makes a network gets on. */
export type Progress = {
	/** Waits for it, until the signal. */
	readonly ready: (signal: AbortSignal) => Promise<unknown>;
	readonly ended: Promise<unknown>;
	/** All that it writes to its standard error. */
	readonly complaints: Promise<string>;
	readonly signal: AbortSignal;
};

/** Resolves when a program has ended, or could not be started. */
export async function endOf(program: ChildProcess): Promise<void> {
	try {
		await once(program, 'exit');
	} catch {
		// There is nothing to end; what it has made is missing, and that is told.
	}
}

/**
Waits until a program has made its network.

@throws {NetworkUnavailable} when it ends before, with its last line; when it takes ten seconds
@throws the reason of `signal`
*/
export async function whenReady(name: string, {ready, ended, complaints, signal}: Progress): Promise<void> {
	const outcome = await firstOutcome({ready, ended, signal});
	switch (outcome) {
		case 'ready': {
			return;
		}

		case 'ended': {
			throw new NetworkUnavailable(`${name} failed: ${lastLine(await complaints)}`);
		}

		case 'silent': {
			throw new NetworkUnavailable(`${name} does not get ready`);
		}
	}
}

async function firstOutcome({ready, ended, signal}: Omit<Progress, 'complaints'>): Promise<'ready' | 'ended' | 'silent'> {
	const over = new AbortController();
	try {
		return await abortable(Promise.race([
			ready(over.signal).then(() => 'ready' as const),
			ended.then(() => 'ended' as const),
			setTimeout(patience, 'silent' as const, {signal: over.signal}),
		]), signal);
	} finally {
		over.abort();
	}
}

function lastLine(text: string): string {
	return text.trimEnd().split('\n').at(-1)!;
}
