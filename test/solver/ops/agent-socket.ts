import {Buffer} from 'node:buffer';
import {generateKeyPairSync} from 'node:crypto';
import {once} from 'node:events';
import {existsSync, statSync} from 'node:fs';
import {connect, type Socket} from 'node:net';
import path from 'node:path';
import test from 'ava';
import {openAgentSocket, type AgentSocket} from '../../../solver/ops/agent-socket.ts';
import {frameMessage, readMessages, type SshAgent} from '../../../src/ssh/agent.ts';
import {createKeyAgent} from '../../../src/ssh/key-agent.ts';
import {parsePrivateKey} from '../../../src/ssh/private-key.ts';
import {encodeNumber, encodeString} from '../../../src/ssh/wire.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const {privateKey} = generateKeyPairSync('ed25519');
const key = parsePrivateKey(privateKey.export({type: 'pkcs8', format: 'pem'}).toString());
const failure = Buffer.of(5);
const identities = Buffer.of(11);

/** Asks for a signature of `data`. */
function signRequest(publicKey: string | Uint8Array): Uint8Array {
	return Buffer.concat([Buffer.of(13), encodeString(publicKey), encodeString('data'), encodeNumber(0)]);
}

/** Opens a socket in a directory of the test's own. */
async function withSocket(use: (socket: AgentSocket, directory: string) => Promise<void>, agent: SshAgent = createKeyAgent([key])): Promise<void> {
	await using temporary = await makeTemporaryDirectory();
	const directory = path.join(temporary.path, 'x'.repeat(200));
	await using socket = await openAgentSocket(agent, {
		directory, mode: 0o640, uid: 0, gid: 0,
	});
	await use(socket, directory);
}

async function open({path: address}: AgentSocket): Promise<Socket> {
	const socket = connect(address);
	await once(socket, 'connect');
	return socket;
}

/** The answers to some bytes; those that never came are missing. */
async function ask(socket: AgentSocket, bytes: Uint8Array): Promise<readonly Uint8Array[]> {
	const client = await open(socket);
	client.end(bytes);
	const answers = [];
	try {
		for await (const answer of readMessages(client)) {
			answers.push(Buffer.from(answer));
		}
	} catch {
		// The other side has had enough.
	}

	return answers;
}

test('keys are listed, and sign', async t => {
	await withSocket(async socket => {
		const requests = [identities, signRequest(key.publicKey)].map(request => frameMessage(request));
		const [list, signed] = await ask(socket, Buffer.concat(requests));
		t.deepEqual(list, Buffer.concat([Buffer.of(12), encodeNumber(1), encodeString(key.publicKey), encodeString('')]));
		const signature = key.sign(Buffer.from('data'), 0);
		t.deepEqual(signed, Buffer.concat([Buffer.of(14), encodeString(signature)]));
	});
});

test('what an agent is not asked for is a failure, and never reaches it', async t => {
	const asked: number[] = [];
	const agent: SshAgent = {
		connect: async () => ({
			async answer(request) {
				asked.push(request[0]!);
				return Buffer.of(12, 0, 0, 0, 0);
			},
			[Symbol.dispose]() {
				asked.push(-1);
			},
		}),
	};
	// https://www.rfc-editor.org/rfc/rfc9987#section-6.1: add, remove, remove all, smart cards, lock, unlock, constrained, extension; version 1 of the protocol; what nobody knows
	const others = [1, 3, 7, 8, 9, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 0, 255];
	await withSocket(async socket => {
		const requests = [...others, 11].map(type => frameMessage(Buffer.of(type)));
		const answers = await ask(socket, Buffer.concat(requests));
		t.deepEqual(answers, [...others.map(() => failure), Buffer.of(12, 0, 0, 0, 0)]);
	}, agent);
	t.deepEqual(asked, [11, -1]);
});

const ends = test.macro(async (t, bytes: Uint8Array, expected: readonly Uint8Array[] = []) => {
	await withSocket(async socket => {
		t.deepEqual(await ask(socket, bytes), [...expected]);
		const again = await ask(socket, frameMessage(identities));
		t.is(again.length, 1);
	});
});

test('an empty message ends the conversation and no other', ends, Buffer.alloc(4));
test('a message that is too long ends the conversation and no other', ends, Buffer.from('ffffffff', 'hex'));
test('half a message is none', ends, Buffer.from('000000', 'hex'));
test('a message that is cut off is none', ends, Buffer.from('000000050b', 'hex'));
test('a request without its parts is a failure', ends, frameMessage(Buffer.of(13)), [failure]);
test('a part that is longer than its request is a failure', ends, frameMessage(Buffer.from('0dffffffff', 'hex')), [failure]);
test('a key that the agent does not have is a failure', ends, frameMessage(signRequest('key')), [failure]);

test('many conversations are held, and end with the socket', async t => {
	let clients: readonly Socket[] = [];
	let place = '';
	await withSocket(async (socket, directory) => {
		place = directory;
		t.is(statSync(path.join(directory, 'agent')).mode & 0o777, 0o640);
		t.is(statSync(directory).mode & 0o777, 0o700);
		clients = await Promise.all(Array.from({length: 50}, async () => open(socket)));
		for (const client of clients) {
			client.write(frameMessage(identities));
			await once(client, 'data');
		}
	});
	t.false(existsSync(place));
	await Promise.all(clients.filter(({closed}) => !closed).map(async client => once(client, 'close')));
});

test('an agent that cannot be reached ends the conversation', async t => {
	const agent: SshAgent = {
		async connect() {
			throw new Error('nobody is there');
		},
	};
	await withSocket(async socket => {
		t.deepEqual(await ask(socket, frameMessage(identities)), []);
	}, agent);
});

test('an agent that never answers is left when the socket is closed', async t => {
	const events: string[] = [];
	const asked = Promise.withResolvers<void>();
	const agent: SshAgent = {
		connect: async () => ({
			async answer() {
				asked.resolve();
				return new Promise<never>(() => {
					events.push('asked');
				});
			},
			[Symbol.dispose]() {
				events.push('left');
			},
		}),
	};
	await withSocket(async socket => {
		const client = await open(socket);
		client.write(frameMessage(identities));
		await asked.promise;
	}, agent);
	t.deepEqual(events, ['asked', 'left']);
});
