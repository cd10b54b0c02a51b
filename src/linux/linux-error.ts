import {constants} from 'node:os';
import {getSystemErrorMap} from 'node:util';
import {displayName, type Name} from './name.ts';

/**
What a system call was made for, as its error tells it: `failed to <action> <path>: <code> (<detail>)`.
*/
export type Attempt = {
	/**
	Verb and object, for example `mount overlay on`.
	*/
	readonly action: string;
	readonly path?: Name;
	/**
	What the kernel says beyond the error number.
	*/
	readonly detail?: string | undefined;
	/**
	What explains it, and may have a hint.
	*/
	readonly cause?: Error | undefined;
};

/**
A failed system call, built like the errors of Node's own `fs`: `code` is the name of the errno (`ENOENT`), `errno` its negative number (as the kernel returns it), `syscall` the call.
*/
export class LinuxError extends Error {
	override readonly name = 'LinuxError';
	readonly code: string;
	readonly errno: number;
	readonly syscall: string;
	readonly path: string | undefined;

	constructor(syscall: string, errorNumber: number, attempt: Attempt) {
		const {action, path, detail, cause} = attempt;
		const code = errorCodeOf(errorNumber);
		const object = path === undefined ? '' : ` ${displayName(path)}`;
		super(`failed to ${action}${object}: ${code}${detail === undefined ? '' : ` (${detail})`}`, cause && {cause});
		this.code = code;
		this.errno = errorNumber;
		this.syscall = syscall;
		this.path = path === undefined ? undefined : displayName(path);
	}
}

/**
Gives back the result of a call of `libc()`, which is never negative.

@throws {LinuxError} when the result is an error number
*/
export function check(result: number, syscall: string, attempt: Attempt): number {
	if (result < 0) {
		throw new LinuxError(syscall, result, attempt);
	}

	return result;
}

/**
Whether a call of `libc()` failed in one of the ways `codes`.
*/
export function hasFailedWith(result: number, ...codes: ReadonlyArray<keyof typeof constants.errno>): boolean {
	return codes.some(code => result === -constants.errno[code]);
}

function errorCodeOf(errorNumber: number): string {
	const [libuvName] = getSystemErrorMap().get(errorNumber) ?? [];
	const [systemName] = Object.entries(constants.errno).find(([, number]) => number === -errorNumber) ?? [];
	return libuvName ?? systemName ?? `errno ${-errorNumber}`;
}
