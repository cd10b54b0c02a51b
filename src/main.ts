import process from 'node:process';
import {runCommandLine} from './cli/command-line.ts';

const controller = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
	process.on(signal, () => {
		controller.abort(new DOMException(`ended by ${signal}`, 'AbortError'));
	});
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
	environment: process.env,
	input: () => process.stdin,
	writeOutput(data) {
		process.stdout.write(data);
	},
	writeError(text) {
		process.stderr.write(text);
	},
	isTerminal: process.stderr.isTTY,
	signal: controller.signal,
});
