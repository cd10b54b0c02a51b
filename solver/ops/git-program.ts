import {spawn, type ChildProcessByStdio} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import type {Readable} from 'node:stream';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';
import type {SshAgent} from '../../src/ssh/agent.ts';
import type {AgentSocket} from './agent-socket.ts';

/** Runs git for one repository. */
export type GitProgram = {
	/** Variables of the user: the way to the web, and to the known hosts of SSH. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Settings that hold for each call, by their names in git. */
	readonly settings: Readonly<Record<string, string>>;
	/** Signs for the user, where git speaks SSH. */
	readonly agent?: {readonly agent: SshAgent; readonly temporaryDirectory: () => string};
	readonly signal: AbortSignal;
};

type GitProcess = ChildProcessByStdio<null, Readable, Readable>;

// A list of references is some megabytes for the largest repositories.
const maximumOutput = 64 * 1024 * 1024;
const maximumComplaint = 4096;

const passedVariables = ['PATH', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'ALL_PROXY', 'all_proxy'];

// The user who types the command is asked for nothing, and nothing is taken from the settings of anybody, above all not programs: hooks, filters, credential helpers.
// https://git-scm.com/docs/git#_environment_variables
const fixedVariables = {
	GIT_TERMINAL_PROMPT: '0',
	GIT_CONFIG_NOSYSTEM: '1',
	GIT_CONFIG_GLOBAL: '/dev/null',
	GIT_ATTR_NOSYSTEM: '1',
	GIT_ASKPASS: '',
	SSH_ASKPASS: '',
	// A repository must not have others fetched from the disk, or by a program, as its submodules.
	GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
	HOME: '/dev/null',
	LC_ALL: 'C',
} as const;

const fixedSettings = {
	'core.hooksPath': '/dev/null',
	'core.fsmonitor': 'false',
	'advice.detachedHead': 'false',
	'init.defaultBranch': 'master',
	'gc.auto': '0',
} as const;

/**
Runs git, with the files that it makes as readable as usual.

@returns what it wrote to its standard output
@throws {TsbuildError} `ERR_TSBUILD_GIT` with what it said, in the words of BuildKit; the reason of the signal
@see https://github.com/moby/buildkit/blob/v0.32.2/util/gitutil/git_cli.go
*/
export async function runGit(parameters: readonly string[], git: GitProgram): Promise<string> {
	const {environment, settings, signal} = git;
	signal.throwIfAborted();
	await using socket = await openSocket(git);
	// A group of its own: what git has started ends with it.
	const child: GitProcess = spawn('/bin/sh', ['-c', 'umask 022 && exec git "$@"', 'git', ...parameters], {
		cwd: '/',
		detached: true,
		env: {
			...passed(environment),
			...fixedVariables,
			GIT_SSH_COMMAND: sshCommand(environment),
			...(socket !== undefined && {SSH_AUTH_SOCK: socket.path}),
			...settingVariables({...fixedSettings, ...settings}),
		},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const end = () => {
		endGroup(child);
	};

	signal.addEventListener('abort', end);
	try {
		const [[code], output, complaint] = await Promise.all([
			once(child, 'close') as Promise<[number | null]>,
			collect(child.stdout, end),
			collect(child.stderr),
		]);
		signal.throwIfAborted();
		if (code !== 0) {
			throw gitError(code, complaint.slice(-maximumComplaint));
		}

		return output;
	} finally {
		signal.removeEventListener('abort', end);
	}
}

async function openSocket({agent}: GitProgram): Promise<AgentSocket | undefined> {
	if (agent === undefined) {
		return undefined;
	}

	const {openAgentSocket} = await import('./agent-socket.ts');
	return openAgentSocket(agent.agent, {
		directory: agent.temporaryDirectory(), mode: 0o600, uid: process.getuid!(), gid: process.getgid!(),
	});
}

/**
SSH that asks nobody, and signs with nothing but the agent. Hosts that the user or the machine knows must be who they are; others are believed, and kept in the first of the files, which is none.

@see https://man.openbsd.org/ssh_config.5#UserKnownHostsFile
*/
function sshCommand({HOME: home = ''}: GitProgram['environment']): string {
	// With any other character, the name would mean something else to the shell or to ssh.
	const knownHosts = /^\/[\w+\-.\/@]*$/v.test(home) ? `${home}/.ssh/known_hosts` : '~/.ssh/known_hosts';
	return `ssh -F none -o BatchMode=yes -o IdentityFile=none -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile=/dev/null ${knownHosts}'`;
}

function passed(environment: GitProgram['environment']): Readonly<Record<string, string>> {
	const {SSL_CERT_FILE: authorities = ''} = environment;
	const known = Object.fromEntries(passedVariables.map(name => [name, environment[name]]).filter((variable): variable is [string, string] => variable[1] !== undefined));
	return authorities === '' ? known : {...known, GIT_SSL_CAINFO: authorities};
}

/** Settings as variables: the arguments of a process are for everybody to see. */
function settingVariables(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	const entries = Object.entries(settings);
	const variables = entries.flatMap(([name, value], index) => [[`GIT_CONFIG_KEY_${index}`, name], [`GIT_CONFIG_VALUE_${index}`, value]]);
	return {GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(variables) as Record<string, string>};
}

function endGroup({pid}: GitProcess): void {
	try {
		process.kill(-pid!, 'SIGKILL');
	} catch (error) {
		if (errorCode(error) !== 'ESRCH') {
			throw error;
		}
	}
}

async function collect(stream: Readable, onTooMuch?: () => void): Promise<string> {
	let text = '';
	for await (const chunk of stream.setEncoding('utf8')) {
		text += chunk as string;
		if (!(text.length > maximumOutput)) {
			continue;
		}

		onTooMuch?.();
		text = text.slice(-maximumComplaint);
	}

	return text;
}

// What the shell says of a program that is not there.
const notFound = 127;

function gitError(code: number | null, complaint: string): TsbuildError {
	return code === notFound
		? new TsbuildError('ERR_TSBUILD_GIT', 'failed to find git binary', {hint: 'Install git: it fetches repositories.'})
		: new TsbuildError('ERR_TSBUILD_GIT', `git stderr:\n${complaint}: ${code === null ? 'signal: killed' : `exit status ${code}`}`);
}
