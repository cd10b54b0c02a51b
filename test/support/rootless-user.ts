import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {
	chmod,
	chown,
	mkdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import {constants} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {testedProgram} from './tsbuild.ts';

/** The user of the tests; nobody on a usual machine has this number. */
const userId = 4711;
const username = 'tsbuild-test';

// Far above what the users of the machine have.
const firstSubordinateId = 1_000_000_000;

/** An ordinary user, who is in the files of /etc for its own processes alone. */
export type RootlessUser = AsyncDisposable & {
	readonly id: number;
	/** Belongs to the user. */
	readonly home: string;
	/** A command line that runs another as this user. */
	as(command: readonly string[]): readonly [string, ...string[]];
	/** Runs a command as this user, to its end. */
	run(command: readonly string[], options: {readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>>}): Promise<RootlessResult>;
	/** Gives a directory with all that is in it to the user. */
	own(directory: string): Promise<void>;
	/** Starts tsbuild as this user, in a process group of its own, for tests that interrupt it. */
	start(args: readonly string[]): ChildProcess;
	/** Runs tsbuild as this user, to its end. */
	tsbuild(args: readonly string[], options?: RootlessRun): Promise<RootlessResult>;
};

/** How a command is run as a user. */
export type RootlessRun = {
	/** Besides HOME, PATH and USER. */
	readonly env?: Readonly<Record<string, string>>;
	/** Standard input; else it is empty. */
	readonly input?: Uint8Array;
	/** Another command before it, which runs it. */
	readonly through?: readonly string[];
};

/** As a shell has it. */
export type RootlessResult = {readonly exitCode: number; readonly stdout: string; readonly stderr: string};

/**
Makes a user; root alone can.

@param options what the user is given
@param options.subordinateIds how many there are in /etc/subuid and /etc/subgid
*/
export async function makeRootlessUser({subordinateIds = 65_536}: {readonly subordinateIds?: number} = {}): Promise<RootlessUser> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	await chmod(directory, 0o711);
	const home = path.join(directory, 'home');
	const etc = path.join(directory, 'etc');
	await mkdir(home);
	await chown(home, userId, userId);
	await writeEtc(etc, {home, subordinateIds});
	const kept = cleanup.move();
	const as: RootlessUser['as'] = command => ['unshare', '--mount', '--', '/bin/sh', '-c', becomeUser, 'sh', etc, ...command];
	return {
		id: userId,
		home,
		as,
		async run(command, {cwd, env}) {
			return run(as(command), {
				cwd, env: {
					...env, PATH: process.env.PATH, HOME: home, USER: username,
				},
			});
		},
		async own(owned) {
			await run(['chown', '-R', `${userId}:${userId}`, owned], {});
		},
		start(args) {
			const [program, ...rest] = as([process.execPath, testedProgram, ...args]);
			return spawn(program, rest, {
				cwd: '/', detached: true, env: {PATH: process.env.PATH, HOME: home, USER: username}, stdio: ['ignore', 'ignore', 'pipe'],
			});
		},
		async tsbuild(args, {env, input, through = []} = {}) {
			const environment = {
				PATH: process.env.PATH, HOME: home, USER: username, ...env,
			};
			return run(as([...through, process.execPath, testedProgram, ...args]), {env: environment, ...(input !== undefined && {input})});
		},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

// A mount namespace of the command's own, in which other files lie over those of /etc.
const becomeUser = `mount -t overlay -o "lowerdir=$1:/etc" overlay /etc && shift && exec setpriv --reuid=${userId} --regid=${userId} --clear-groups --inh-caps=-all -- "$@"`;

async function writeEtc(etc: string, {home, subordinateIds}: {readonly home: string; readonly subordinateIds: number}): Promise<void> {
	await mkdir(etc);
	const range = subordinateIds === 0 ? '' : `${username}:${firstSubordinateId}:${subordinateIds}\n`;
	const files = {
		passwd: `${await readFile('/etc/passwd', 'utf8')}${username}:x:${userId}:${userId}::${home}:/bin/sh\n`,
		group: `${await readFile('/etc/group', 'utf8')}${username}:x:${userId}:\n`,
		subuid: range,
		subgid: range,
	};
	for (const [name, content] of Object.entries(files)) {
		await writeFile(path.join(etc, name), content);
	}
}

type RunOptions = {readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: Uint8Array};

async function run([program, ...args]: readonly string[], {cwd = '/', env, input = new Uint8Array()}: RunOptions): Promise<RootlessResult> {
	const child = spawn(program!, args, {cwd, ...(env !== undefined && {env}), stdio: 'pipe'});
	// Who does not read it may end before all is written.
	child.stdin.on('error', () => undefined);
	child.stdin.end(input);
	const [stdout, stderr, [code, signal]] = await Promise.all([
		text(child.stdout),
		text(child.stderr),
		once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
	]);
	return {exitCode: code ?? (128 + constants.signals[signal!]), stdout, stderr};
}
