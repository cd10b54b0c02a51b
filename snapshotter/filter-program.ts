import {spawn, type ChildProcessByStdio} from 'node:child_process';
import {once} from 'node:events';
import type {Readable, Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {displayName} from '../src/linux/name.ts';
import {TsbuildError} from '../src/kernel/errors.ts';

/** A program that reads a stream from its standard input and writes another to its standard output. */
export type FilterProgram = {
	/** Absolute, on this machine. */
	readonly file: string;
	readonly parameters: readonly string[];
};

type FilterProcess = ChildProcessByStdio<Writable, Readable, Readable>;

// What a program says about damaged data is one line.
const maximumComplaint = 1000;

/**
Sends a stream through a program. It gets an empty environment, and is ended when nobody reads on.

@yields chunks of its output
@throws {TsbuildError} `ERR_TSBUILD_DECOMPRESS` when it fails; what `source` throws
*/
export async function * throughProgram(source: AsyncIterable<Uint8Array>, {file, parameters}: FilterProgram): AsyncGenerator<Uint8Array> {
	const child: FilterProcess = spawn(file, parameters, {cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'pipe']});
	const closed = once(child, 'close');
	const complaint = collectComplaint(child.stderr);
	const feeding = feed(source, child);
	// They are waited for below; a failure until then is no unhandled one.
	const settled = Promise.allSettled([closed, feeding]);
	try {
		yield * child.stdout as AsyncIterable<Uint8Array>;
		await feeding;
		const [code] = await closed as [number | null];
		if (code !== 0) {
			throw new TsbuildError('ERR_TSBUILD_DECOMPRESS', `failed to decompress: ${displayName(await complaint)}`);
		}
	} finally {
		child.kill('SIGKILL');
		await settled;
	}
}

// A program that stops to read has its reason, which its exit code tells.
async function feed(source: AsyncIterable<Uint8Array>, child: FilterProcess): Promise<void> {
	let failure: {readonly error: unknown} | undefined;
	const watched = async function * () {
		try {
			yield * source;
		} catch (error) {
			failure = {error};
			child.kill('SIGKILL');
		}
	};

	try {
		await pipeline(watched, child.stdin);
	} catch {
		// The pipe was closed.
	}

	if (failure !== undefined) {
		throw failure.error;
	}
}

async function collectComplaint(stream: Readable): Promise<string> {
	let text = '';
	for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
		text = (text + chunk).slice(0, maximumComplaint);
	}

	return text.trim();
}
