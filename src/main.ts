#!/usr/bin/env node
import process from 'node:process';
import type {Writable} from 'node:stream';
import {interruptedExitCode, runCommandLine} from './cli/command-line.ts';
import {StandardError} from './progress/standard-error.ts';
import {openTerminalStream} from './progress/terminal-stream.ts';
import {onInterruption} from './rootless/interruptions.ts';

// How long a reader who does not read keeps a program that was told to end, in milliseconds.
const lastPatience = 250;

const controller = new AbortController();
const standardError = new StandardError(openStandardError());
onInterruption(signal => {
	if (controller.signal.aborted) {
		// The steps follow the end of this process; the next build removes what they leave.
		standardError.write('ERROR: killed before all was cleaned up; the next build does that\n');
		void endNow();
		return;
	}

	controller.abort(new DOMException(`ended by ${signal}`, 'AbortError'));
});

// When nobody reads any more (`tsbuild images | head -n 1`), whoever writes what matters is told by the write itself.
process.stdout.on('error', () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), {
	environment: process.env,
	input: () => process.stdin,
	writeOutput(data) {
		process.stdout.write(data);
	},
	writeError: standardError.write,
	standardError,
	isTerminal: process.stderr.isTTY,
	isOutputTerminal: process.stdout.isTTY,
	signal: controller.signal,
});

// What was written and not read keeps this process until it is.
if (controller.signal.aborted) {
	exitSoon();
} else {
	controller.signal.addEventListener('abort', exitSoon);
}

function exitSoon(): void {
	setTimeout(() => {
		void endNow();
	}, lastPatience).unref();
}

async function endNow(): Promise<void> {
	// Imported by those who have no time: others end by themselves.
	const {endProcess} = await import('./linux/end-process.ts');
	endProcess(interruptedExitCode);
}

function openStandardError(): Writable {
	try {
		return process.stderr.isTTY ? openTerminalStream(process.stderr.fd) : process.stderr;
	} catch {
		// The terminal of somebody else, as with su.
		return process.stderr;
	}
}
