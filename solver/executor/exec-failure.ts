import {posix} from 'node:path';
import {getSystemErrorMessage} from 'node:util';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {statInRoot} from '../../src/linux/resolve.ts';
import {executableCandidates, type Command} from './command.ts';

/** What to look at after a failed `execve`. */
export type ExecFailure = {
	readonly root: Descriptor;
	readonly command: Command;
	/** Positive, of the last `execve`. */
	readonly errorNumber: number;
};

/**
Says why a step's program could not be run, in runc's words, which the user finds on the log of the step: `unable to start container process: exec: "nosuch": executable file not found in $PATH`.

A program that is there but cannot run (of another architecture, or with a missing interpreter) is `exec /bin/tool: exec format error`.
*/
export function explainExecFailure({root, command, errorNumber}: ExecFailure): string {
	const [name = ''] = command.args;
	const candidates = executableCandidates(command).filter(path => path !== '').map(path => posix.resolve(command.cwd, path));
	const found = candidates.find(path => isExecutable(root, path));
	const reason = name.includes('/') ? reasonOf(root, {name, path: posix.resolve(command.cwd, name)}) : 'executable file not found in $PATH';
	return found === undefined
		? `unable to start container process: exec: ${JSON.stringify(name)}: ${reason}`
		: `exec ${found}: ${getSystemErrorMessage(-errorNumber)}`;
}

function reasonOf(root: Descriptor, {name, path}: {readonly name: string; readonly path: string}): string {
	return statIfPossible(root, path) === undefined ? `stat ${name}: no such file or directory` : 'permission denied';
}

function isExecutable(root: Descriptor, path: string): boolean {
	const status = statIfPossible(root, path);
	return status !== undefined && status.isFile() && (status.mode & 0o111n) !== 0n;
}

function statIfPossible(root: Descriptor, path: string) {
	try {
		return statInRoot(root, path);
	} catch {
		// A name that is too long, or links without end.
		return undefined;
	}
}
