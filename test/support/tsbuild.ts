import {Buffer} from 'node:buffer';
import {type ChildProcessByStdio, spawn} from 'node:child_process';
import {once} from 'node:events';
import {closeSync, openSync} from 'node:fs';
import {constants} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type {Readable} from 'node:stream';

/** What the tests run: the sources, so that a test can be run after any change; `npm test` names the bundle, which starts in a quarter of the time. */
export const testedProgram = process.env.TSBUILD_TEST_PROGRAM ?? path.join(import.meta.dirname, '../../src/main.ts');

export type TsbuildOptions = {
	/** The program to run; that of the other tests when not given. */
	readonly program?: string | undefined;
	/** A program with its first arguments, which starts what follows them; `nsenter`, for example. */
	readonly through?: readonly string[];
	/** The store, a directory of the test's own. */
	readonly root: string;
	readonly cwd?: string;
	/** Added to the test's environment; `undefined` takes a variable away. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** The path of the file that is standard input; else that is empty. */
	readonly input?: string | undefined;
	readonly signal?: AbortSignal;
};

export type TsbuildResult = {
	/** As a shell has it: 128 + n when signal n ended the process. */
	readonly exitCode: number;
	/** Bytes, because `-o -` writes an archive. */
	readonly stdout: Uint8Array;
	readonly stderr: string;
};

/** A running tsbuild whose output is read by the test. */
export type TsbuildProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Runs the command line with a store of its own, and waits for its end. Does not throw when it fails. */
export async function tsbuild(args: readonly string[], options: TsbuildOptions): Promise<TsbuildResult> {
	const child = startTsbuild(args, options);
	const [stdout, stderr, exitCode] = await Promise.all([
		child.stdout.toArray() as Promise<Uint8Array[]>,
		child.stderr.setEncoding('utf8').toArray() as Promise<string[]>,
		waitForExit(child),
	]);
	return {exitCode, stdout: Buffer.concat(stdout), stderr: stderr.join('')};
}

/** Gives a result back, and fails the test unless it is that of a success. */
export function succeeded(result: TsbuildResult): TsbuildResult {
	if (result.exitCode !== 0) {
		throw new Error(`exit code ${result.exitCode}: ${result.stderr}`);
	}

	return result;
}

/** Runs the command line, which must succeed, and gives its standard output. */
export async function outputOf(args: readonly string[], options: TsbuildOptions): Promise<string> {
	return new TextDecoder().decode(succeeded(await tsbuild(args, options)).stdout);
}

/** Starts the command line, for tests that interrupt it. */
export function startTsbuild(args: readonly string[], {program = testedProgram, through = [], root, cwd, env = {}, input = '/dev/null', signal}: TsbuildOptions): TsbuildProcess {
	const standardInput = openSync(input, 'r');
	const [command, ...words] = [...through, process.execPath, program, ...args] as [string, ...string[]];
	try {
		return spawn(command, words, {
			cwd,
			env: {...process.env, TSBUILD_ROOT: root, ...env},
			stdio: [standardInput, 'pipe', 'pipe'],
			signal,
		}) as TsbuildProcess;
	} finally {
		closeSync(standardInput);
	}
}

/** Resolves with the exit code, as a shell has it, once the process has ended. */
export async function waitForExit(child: TsbuildProcess): Promise<number> {
	// Its `close` comes once.
	if (!isClosed(child)) {
		await once(child, 'close');
	}

	return child.exitCode ?? (128 + constants.signals[child.signalCode!]);
}

function isClosed({exitCode, signalCode, stdout, stderr}: TsbuildProcess): boolean {
	return (exitCode !== null || signalCode !== null) && stdout.closed && stderr.closed;
}
