import type {ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout} from 'node:timers/promises';
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
*/
export async function whenReady(name: string, {ready, ended, complaints}: Progress): Promise<void> {
	const controller = new AbortController();
	const {signal} = controller;
	const outcome = await Promise.race([
		ready(signal).then(() => 'ready' as const),
		ended.then(() => 'ended' as const),
		setTimeout(patience, 'silent' as const, {signal}),
	]);
	controller.abort();
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

function lastLine(text: string): string {
	return text.trimEnd().split('\n').at(-1)!;
}
