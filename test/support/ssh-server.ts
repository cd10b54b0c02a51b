import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	readFileSync,
	writeFileSync,
} from 'node:fs';
import {createServer, type AddressInfo, type Socket} from 'node:net';
import {userInfo} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {makeTemporaryDirectory} from './temporary-directory.ts';

const server = '/usr/sbin/sshd';

// Without it, sshd does not start: https://man.openbsd.org/sshd.8#/var/empty
const emptyDirectory = '/run/sshd';

/** An SSH server on this machine that lets the owner of one key in, as the user of the tests. */
export type SshServer = AsyncDisposable & {
	readonly port: number;
	/** A private key that it knows. */
	readonly key: string;
	/** A repository with a file `file`, and a Dockerfile that copies it. */
	readonly repository: string;
	/** The same, as this server has it: `ssh://...`. */
	readonly repositoryUrl: string;
	/** Its line in a file of known hosts. */
	readonly knownHost: string;
	/** Files of its own, where tests may put theirs. */
	readonly directory: string;
};

/** Whether SSH servers can be started here. */
export function hasSshServer(): boolean {
	return existsSync(server) && (process.getuid!() === 0 || existsSync(emptyDirectory));
}

/** Starts a server: each connection is one sshd, which has the socket as its standard input. */
export async function startSshServer(): Promise<SshServer> {
	const temporary = await makeTemporaryDirectory();
	const inside = (name: string) => path.join(temporary.path, name);
	const [key, hostKey] = [makeKey(inside('key')), makeKey(inside('host-key'))];
	copyFileSync(`${key}.pub`, inside('authorized-keys'));
	mkdirSync(emptyDirectory, {recursive: true});
	writeFileSync(inside('config'), [
		`HostKey ${hostKey}`,
		`AuthorizedKeysFile ${inside('authorized-keys')}`,
		'PermitRootLogin prohibit-password',
		'AuthenticationMethods publickey',
		'StrictModes no',
		'PidFile none',
		'UsePAM no',
	].join('\n'));
	const repository = makeRepository(inside('app'));
	const sockets = new Set<Socket>();
	const listener = createServer({pauseOnConnect: true}, socket => {
		sockets.add(socket);
		const child = spawn(server, ['-i', '-f', inside('config')], {stdio: [socket, socket, 'ignore']});
		child.on('close', () => {
			sockets.delete(socket);
			socket.destroy();
		});
	});
	listener.listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const {port} = listener.address() as AddressInfo;
	return {
		port,
		key,
		repository,
		repositoryUrl: `ssh://${userInfo().username}@127.0.0.1:${port}${repository}`,
		knownHost: `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`,
		directory: temporary.path,
		async [Symbol.asyncDispose]() {
			listener.close();
			for (const socket of sockets) {
				socket.destroy();
			}

			await once(listener, 'close');
			await temporary[Symbol.asyncDispose]();
		},
	};
}

/** Makes a private key in a file; of Ed25519 unless the parameters of ssh-keygen say otherwise. */
export function makeKey(file: string, ...parameters: readonly string[]): string {
	execFileSync('ssh-keygen', ['-q', '-N', '', '-C', '', '-t', 'ed25519', ...parameters, '-f', file]);
	return file;
}

function makeRepository(directory: string): string {
	mkdirSync(directory);
	writeFileSync(path.join(directory, 'file'), 'content\n');
	writeFileSync(path.join(directory, 'Dockerfile'), 'FROM scratch\nCOPY file /\n');
	const git = (...parameters: readonly string[]) => execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@b', ...parameters]);
	git('init', '--quiet', '--initial-branch=main');
	git('add', '.');
	git('commit', '--quiet', '--message=test');
	return directory;
}

/** An agent of the user, with keys. */
export type UserAgent = AsyncDisposable & {readonly socket: string};

/** Starts ssh-agent with some keys; `directory` gets its socket. */
export async function startUserAgent(directory: string, keys: readonly string[]): Promise<UserAgent> {
	const socket = path.join(directory, 'agent.sock');
	const agent = spawn('ssh-agent', ['-D', '-a', socket], {stdio: ['ignore', 'pipe', 'ignore']});
	await once(agent.stdout, 'data');
	execFileSync('ssh-add', ['-q', ...keys], {env: {SSH_AUTH_SOCK: socket}});
	return {
		socket,
		async [Symbol.asyncDispose]() {
			const closed = once(agent, 'close');
			agent.kill();
			await closed;
		},
	};
}

/** Copies programs of this machine, with the libraries that they need, so that an image can have them. */
export function copyPrograms(directory: string, programs: readonly string[]): void {
	for (const program of programs) {
		const listing = execFileSync('ldd', [program], {encoding: 'utf8'});
		const libraries = listing.matchAll(/\s(?<file>\/[^\s\(]+) \(0x/gv).map(({groups}) => groups!.file!);
		for (const file of [program, ...libraries]) {
			const copy = path.join(directory, file);
			mkdirSync(path.dirname(copy), {recursive: true});
			copyFileSync(file, copy);
			chmodSync(copy, 0o755);
		}
	}
}
