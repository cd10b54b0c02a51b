import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';
import process from 'node:process';

/**
Runs a TypeScript module, given as text, in a Node of its own. What it imports is named absolutely, by `import.meta.resolve`; its arguments begin at `process.argv[1]`.

@returns what it wrote to stdout; its stderr goes to this process's
@throws {Error} when it does not exit with 0
*/
export async function runProgram(source: string, parameters: readonly string[] = []): Promise<string> {
	return runCommand(process.execPath, ['--input-type=module-typescript', '--eval', source, ...parameters]);
}

/**
Runs a command of the host.

@returns what it wrote to stdout; its stderr goes to this process's
@throws {Error} when it does not exit with 0
*/
export async function runCommand(command: string, parameters: readonly string[]): Promise<string> {
	const child = spawn(command, parameters, {stdio: ['ignore', 'pipe', 'inherit']});
	const exited = new Promise<string>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code, signal) => {
			resolve(String(code ?? signal));
		});
	});
	const [output, result] = await Promise.all([text(child.stdout), exited]);
	if (result !== '0') {
		throw new Error(`${command} ended with ${result}`);
	}

	return output;
}
