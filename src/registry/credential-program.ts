import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {text as readText} from 'node:stream/consumers';
import is from '@sindresorhus/is';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {Credentials} from './credentials.ts';

export type CredentialProgramOptions = {
	/** `desktop` for the program `docker-credential-desktop`. */
	readonly program: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly signal?: AbortSignal | undefined;
};

// A program that opens a dialog, and nobody is there to answer it.
const maximumMilliseconds = 60_000;

// That of every program that knows none, by which Docker recognizes it.
// https://github.com/docker/docker-credential-helpers/blob/v0.9.3/credentials/error.go
const notFoundMessages: ReadonlySet<string> = new Set(['credentials not found in native keychain', 'no credentials server URL', 'no credentials username']);

// What a program calls a user that is none, with an identity token as password.
const tokenUser = '<token>';

/**
Asks a program that keeps credentials, Docker's credential helper, for what it has for a server.

@returns `undefined` when it has nothing
@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
@see https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
*/
export async function readFromProgram(server: string, options: CredentialProgramOptions): Promise<Credentials | undefined> {
	const {exitCode, output} = await runProgram('get', server, options);
	if (exitCode !== 0) {
		if (notFoundMessages.has(output.trim())) {
			return undefined;
		}

		throw programError('getting', options.program, `exit status ${exitCode}, out: ${quote(output)}`);
	}

	const {Username: username, Secret: secret} = parseAnswer(output, options.program);
	if (!is.string(username) || !is.nonEmptyString(secret)) {
		return undefined;
	}

	return username === tokenUser ? {type: 'identity-token', username: '', token: secret} : {type: 'password', username, password: secret};
}

/**
Gives credentials to a program to keep.

@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export async function storeInProgram(server: string, credentials: Exclude<Credentials, {readonly type: 'registry-token'}>, options: CredentialProgramOptions): Promise<void> {
	const [username, secret] = credentials.type === 'password' ? [credentials.username, credentials.password] : [tokenUser, credentials.token];
	const {exitCode, output} = await runProgram('store', JSON.stringify({ServerURL: server, Username: username, Secret: secret}), options);
	if (exitCode !== 0) {
		throw programError('storing', options.program, `exit status ${exitCode}, out: ${quote(output.replaceAll(secret, '[redacted]'))}`);
	}
}

/**
Has a program forget a server. One that it does not know is forgotten already.

@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export async function eraseFromProgram(server: string, options: CredentialProgramOptions): Promise<void> {
	const {exitCode, output} = await runProgram('erase', server, options);
	if (exitCode !== 0 && !notFoundMessages.has(output.trim())) {
		throw programError('erasing', options.program, `exit status ${exitCode}, out: ${quote(output)}`);
	}
}

async function runProgram(action: 'erase' | 'get' | 'store', input: string, {program, environment, signal}: CredentialProgramOptions): Promise<{readonly exitCode: number; readonly output: string}> {
	// It becomes the name of a program, looked for in PATH and nowhere else.
	if (!/^\w[\w\-.]*$/v.test(program)) {
		throw programError('getting', program, 'its name is none of a program');
	}

	const timeout = AbortSignal.timeout(maximumMilliseconds);
	try {
		const child = spawn(`docker-credential-${program}`, [action], {
			env: environment,
			stdio: ['pipe', 'pipe', 'inherit'],
			signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
		});
		// It need not read what it is told.
		child.stdin.on('error', () => undefined);
		child.stdin.end(input);
		const [output, [exitCode]] = await Promise.all([readText(child.stdout), once(child, 'close') as Promise<[number | null]>]);
		return {exitCode: exitCode ?? 1, output};
	} catch (error) {
		signal?.throwIfAborted();
		const reason = errorCode(error) === 'ENOENT' ? `exec: "docker-credential-${program}": executable file not found in $PATH` : errorMessage(error);
		throw programError('getting', program, timeout.aborted ? `no answer for ${maximumMilliseconds / 1000} seconds` : reason, error);
	}
}

function parseAnswer(output: string, program: string): Readonly<Record<string, unknown>> {
	try {
		const answer: unknown = JSON.parse(output);
		return is.plainObject(answer) ? answer : {};
	} catch {
		// The cause is not told: it shows the text, in which the password is.
		throw programError('getting', program, 'its answer is no JSON');
	}
}

function programError(action: string, program: string, reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CREDENTIALS', `error ${action} credentials - err: ${reason}`, {
		cause,
		hint: `The Docker configuration names the credential helper ${quote(program)}: install docker-credential-${program}, or take credsStore or credHelpers out of config.json.`,
	});
}

function quote(text: string): string {
	return JSON.stringify(text.trim().slice(0, 300));
}
