import {posix} from 'node:path';
import {AT_FDCWD} from '../../src/linux/constants.ts';
import type {SyscallEntry, ToleratedError} from './syscall-table.ts';

/** The program that a step runs. */
export type Command = {
	readonly args: readonly string[];
	/** Each variable once, as `NAME=value`. */
	readonly env: readonly string[];
	/** Absolute. */
	readonly cwd: string;
};

// What a search goes on after, as execvp(3) does.
const searchErrors: readonly ToleratedError[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'];

// Mostly EEXIST. Whatever else is wrong, `chdir` tells it better.
const makeErrors: readonly ToleratedError[] = ['EEXIST', 'EROFS', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'];

/**
The calls that enter the working directory. No descriptor but 0 to 3 is open by then, so `/proc/self/fd/8` leads nowhere (CVE-2024-21626).

The directory is there already, unless it lies in a mount; then it is made here, as runc does.
*/
export function workingDirectoryEntries(cwd: string): readonly SyscallEntry[] {
	return [
		...pathsTo(cwd).map((path): SyscallEntry => ({
			call: 'mkdirat', args: [AT_FDCWD, path, 0o755], mayFail: makeErrors, describe: `make ${path}`,
		})),
		{call: 'chdir', args: [cwd], describe: `enter working directory ${cwd}`},
	];
}

/**
The calls that run the program: one `execve` for each place where it may be. The last of them reports.
*/
export function executeEntries(command: Command): readonly SyscallEntry[] {
	const {args, env} = command;
	const candidates = executableCandidates(command);
	return candidates.map((path, index): SyscallEntry => ({
		call: 'execve',
		args: [path, [...args, null], [...env, null]],
		describe: `run ${path}`,
		...(index < candidates.length - 1 && {mayFail: searchErrors}),
	}));
}

/**
The paths at which a command's program may be: its name if that has a slash, else the name in each absolute directory of PATH. An empty path, which nothing has, when there is none.
*/
export function executableCandidates({args, env}: Command): readonly [string, ...string[]] {
	const name = args[0] ?? '';
	if (name.includes('/')) {
		return [name];
	}

	const search = environmentValue(env, 'PATH') ?? '';
	const [first = '', ...others] = name === '' ? [] : search.split(':').filter(directory => directory.startsWith('/')).map(directory => posix.join(directory, name));
	return [first, ...others];
}

/** The value of an environment variable. */
function environmentValue(env: readonly string[], name: string): string | undefined {
	return env.findLast(variable => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

/**
The environment of a step: each variable once with its last value, and HOME.

@param env `NAME=value` each
@param home the value of HOME when the environment has none
*/
export function completeEnvironment(env: readonly string[], home: string): readonly string[] {
	const variables = new Map(env.map(variable => [variable.split('=', 1)[0]!, variable]));
	if (!variables.has('HOME')) {
		variables.set('HOME', `HOME=${home}`);
	}

	return variables.values().toArray();
}

function pathsTo(path: string): readonly string[] {
	return path === '/' ? [] : [...pathsTo(posix.dirname(path)), path];
}
