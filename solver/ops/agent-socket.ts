import {once} from 'node:events';
import {
	chmodSync,
	chownSync,
	mkdirSync,
	readlinkSync,
} from 'node:fs';
import {rm} from 'node:fs/promises';
import {createServer, type Server, type Socket} from 'node:net';
import path from 'node:path';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {
	frameMessage,
	messageTypes,
	readMessages,
	type AgentConnection,
	type SshAgent,
} from '../../src/ssh/agent.ts';

/** A socket on which an agent answers. */
export type AgentSocket = AsyncDisposable & {
	/** For this process and its children; short enough for any of them. */
	readonly path: string;
};

export type AgentSocketOptions = {
	/** A path where nothing is. There is a directory for as long as the socket is open. */
	readonly directory: string;
	/** Permission bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
};

// Each takes two descriptors of this process; no program has more than a few.
const maximumConnections = 64;

const permissionBits = 0o777;

const failure = Uint8Array.of(messageTypes.failure);

/**
Opens a socket for others than us to use an agent, but not to change it: they get a list of its keys and signatures. All else, such as adding and removing keys, is refused without asking the agent, as in BuildKit.

When it is disposed of, all conversations end.
*/
export async function openAgentSocket(agent: SshAgent, {directory, mode, uid, gid}: AgentSocketOptions): Promise<AgentSocket> {
	await using opened = new AsyncDisposableStack();
	mkdirSync(directory, {mode: 0o700});
	opened.defer(async () => rm(directory, {recursive: true}));
	const handle = opened.use(Descriptor.open(directory, O_PATH | O_DIRECTORY));
	// An address of a socket has no more than 108 bytes: https://man7.org/linux/man-pages/man7/unix.7.html
	// It is for other processes, too; what this one is called there is not what it calls itself in a PID namespace of its own.
	const address = `/proc/${readlinkSync('/proc/self')}/fd/${handle.number}/agent`;
	await listen(agent, address, opened);
	const file = path.join(directory, 'agent');
	chownSync(file, uid, gid);
	chmodSync(file, mode & permissionBits);
	const kept = opened.move();
	return {
		path: address,
		async [Symbol.asyncDispose]() {
			await kept.disposeAsync();
		},
	};
}

async function listen(agent: SshAgent, address: string, opened: AsyncDisposableStack): Promise<void> {
	const sockets = new Set<Socket>();
	const server = createServer(socket => {
		sockets.add(socket);
		// What fails ends the conversation, also before there is one.
		socket.on('error', () => undefined);
		void serve(socket, agent).finally(() => {
			sockets.delete(socket);
		});
	});
	server.maxConnections = maximumConnections;
	server.listen(address);
	await once(server, 'listening');
	opened.defer(async () => close(server, sockets));
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
	const closed = once(server, 'close');
	server.close();
	for (const socket of sockets) {
		socket.destroy();
	}

	await closed;
}

/** Whatever goes wrong in a conversation, the other side or the agent made go wrong: it ends. */
async function serve(socket: Socket, agent: SshAgent): Promise<void> {
	try {
		const connection = await agent.connect();
		if (socket.closed) {
			connection[Symbol.dispose]();
			return;
		}

		// An agent may keep silent for ever: then it is this that ends the wait.
		socket.once('close', () => {
			connection[Symbol.dispose]();
		});
		await pipeline(Readable.from(answers(socket, connection), {objectMode: false}), socket);
	} catch {
		socket.destroy();
	}
}

async function * answers(socket: Socket, connection: AgentConnection): AsyncGenerator<Uint8Array> {
	for await (const request of readMessages(socket)) {
		const isHarmless = request[0] === messageTypes.requestIdentities || request[0] === messageTypes.signRequest;
		yield frameMessage(isHarmless ? await connection.answer(request) : failure);
	}
}
