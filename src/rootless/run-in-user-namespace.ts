import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {constants} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type {Duplex, Readable} from 'node:stream';
import {errorCode} from '../kernel/errors.ts';
import {singleIdVariable} from '../linux/unmapped-id.ts';
import {readUserNamespace} from '../linux/user-namespace.ts';
import {planIdMapping, type IdMapping} from './id-mapping.ts';
import {interruptionSignals, supervisedVariable} from './interruptions.ts';
import {mapIds} from './map-ids.ts';
import {namespaceError} from './namespace-error.ts';
import {passSuspension} from './suspension.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/*
Descriptors of the programs on the way: 2 takes what they complain about, until the program itself gets the true standard error back from 5.
On 3 they say that the user namespace is there, and hear that it has its IDs, and why not more than one. 4 is Node's own channel.
*/
const standardErrorNumber = 2;
const enterNamespaces = 'exec "$@" 2>&5 3>&- 5>&-';
const unshareOthers = ['--mount', '--pid', '--fork', '--kill-child'];
const awaitIds = `echo >&3 && read -r ${singleIdVariable} <&3 && export ${singleIdVariable} && exec unshare ${unshareOthers.join(' ')} -- /bin/sh -c '${enterNamespaces}' sh "$@"`;

/**
Runs this program once more, with the same arguments, as root of a user namespace of its own, in which it may mount: its PID 1, with a mount namespace of its own. All standard streams and the terminal are the same. SIGINT and SIGTERM are passed on, one for one, and Ctrl-Z stops both; when this process ends, so does the other with all that it has started.

The namespaces are made by unshare(1), because a process with several threads, as one of Node is, cannot make a user namespace.

@param environment all of the program's
@returns the exit code; 128 + n when signal n ended the program
@throws {TsbuildError} `ERR_TSBUILD_USER_NAMESPACE` when the machine does not allow it
@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
*/
export async function runInUserNamespace(environment: Environment): Promise<number> {
	const mapping = planIdMapping(readUserNamespace());
	const program = startProgram(environment, mapping);
	passSignals(program.child);
	passSuspension(program.child);
	const ended = once(program.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
	const complaint = collect(program.complaints);
	try {
		await Promise.race([mapping.kind === 'single' ? ended : giveIds(program, mapping), ended]);
	} catch (error) {
		program.child.kill('SIGKILL');
		throw errorCode(error) === 'ENOENT' ? namespaceError('unshare is not installed', {hint: 'Install util-linux.'}) : error;
	}

	const [code, signal] = await ended;
	const failure = await complaint;
	if (code !== 0 && failure !== '') {
		throw namespaceError(failure);
	}

	return code ?? (128 + constants.signals[signal!]);
}

type StartedProgram = {
	readonly child: ChildProcess;
	readonly complaints: Readable;
	readonly conversation: Duplex;
};

// To be root from the start is all that helps where no program may gain rights (no_new_privs).
function startProgram(environment: Environment, mapping: IdMapping): StartedProgram {
	const [options, script, reason] = mapping.kind === 'single'
		? [['--map-root-user', ...unshareOthers], enterNamespaces, mapping.reason] as const
		: [[], awaitIds, ''] as const;
	const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
	const child = spawn('unshare', ['--user', ...options, '--', '/bin/sh', '-c', script, 'sh', ...program], {
		env: {
			NODE_COMPILE_CACHE: compileCacheDirectory(environment),
			...environment,
			[supervisedVariable]: '1',
			[singleIdVariable]: reason,
		},
		stdio: ['inherit', 'inherit', 'pipe', 'pipe', 'ipc', standardErrorNumber],
	});
	return {child, complaints: child.stderr!, conversation: child.stdio[3] as Duplex};
}

// The directory that Node.js takes by itself is named by the user's number, which is that of the true root in the namespace: it could not be written to.
function compileCacheDirectory({XDG_CACHE_HOME: cache, HOME: home = '/'}: Environment): string {
	return path.join(cache === undefined || cache === '' ? path.join(home, '.cache') : cache, 'tsbuild/compile-cache');
}

async function giveIds({child, conversation}: StartedProgram, mapping: IdMapping): Promise<void> {
	await once(conversation, 'data');
	const mapped = await mapIds(child.pid!, mapping);
	conversation.end(`${mapped.kind === 'single' ? mapped.reason : ''}\n`);
}

async function collect(stream: Readable): Promise<string> {
	let complaint = '';
	stream.setEncoding('utf8').on('data', (piece: string) => {
		complaint += piece;
	});
	// Also when there was no program to complain.
	await new Promise<void>(resolve => {
		stream.once('close', resolve);
	});
	return complaint.trim();
}

// From now on they are for the program alone.
function passSignals(child: ChildProcess): void {
	const pass = (signal: NodeJS.Signals) => {
		if (child.connected) {
			child.send(signal);
		}
	};

	for (const signal of interruptionSignals) {
		process.removeAllListeners(signal);
		process.on(signal, pass);
	}
}
