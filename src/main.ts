import process from 'node:process';
import {runCommandLine} from './cli/command-line.ts';
import {writeStandardError} from './progress/standard-error.ts';
import {onInterruption} from './rootless/interruptions.ts';

const controller = new AbortController();
onInterruption(signal => {
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
