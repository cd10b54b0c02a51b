#!/usr/bin/env node
import process from 'node:process';
import {interruptedExitCode, runCommandLine} from './cli/command-line.ts';
import {writeStandardError} from './progress/standard-error.ts';
import {onInterruption} from './rootless/interruptions.ts';

const controller = new AbortController();
onInterruption(signal => {
	if (controller.signal.aborted) {
		// The steps follow the end of this process; the next build removes what they leave.
		writeStandardError('ERROR: killed before all was cleaned up; the next build does that\n');
		process.exit(interruptedExitCode);
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
	writeError: writeStandardError,
	isTerminal: process.stderr.isTTY,
	isOutputTerminal: process.stdout.isTTY,
	signal: controller.signal,
});
