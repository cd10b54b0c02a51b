import {createSocket, type RemoteInfo, type Socket as DatagramSocket} from 'node:dgram';
import {once} from 'node:events';
import {
	connect,
	createServer,
	isIPv6,
	type Socket,
} from 'node:net';
import {pipeline} from 'node:stream';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {StepNamespace} from './create-step-namespace.ts';

/** Where a server of DNS listens. */
export type DnsServer = {
	readonly address: string;
	readonly port: number;
};

// As long as resolvers wait for an answer: https://man7.org/linux/man-pages/man5/resolv.conf.5.html (timeout)
const answerTimeout = 5000;

// However much a step asks, tsbuild opens no more sockets.
const mostQuestions = 256;
const mostConnections = 64;

/**
Answers questions of DNS that come to sockets, by asking a server that only this machine can reach, such as one on its own 127.0.0.1.

The sockets are taken over; they stay in the network namespace that they are in.
*/
export async function openDnsRelay({tcp, udp}: StepNamespace['dnsSockets'], server: DnsServer): Promise<AsyncDisposable> {
	await using relays = new AsyncDisposableStack();
	relays.use(relayDatagrams(udp, server));
	relays.use(await relayConnections(tcp, server));
	return relays.move();
}

// An answer that cannot be sent, a connection that cannot be taken: the step asks again, or sees that it is not served.
const ignoreFailure = () => undefined;

function relayDatagrams(descriptor: Descriptor, server: DnsServer): AsyncDisposable {
	const socket = createSocket('udp4');
	/** What gives each of them up. */
	const questions = new Set<() => void>();
	socket.on('message', (question, from) => {
		if (questions.size < mostQuestions) {
			ask(question, {
				server, from, socket, questions,
			});
		}
	});
	socket.on('error', ignoreFailure);
	socket.bind({fd: descriptor.release()});
	return {
		async [Symbol.asyncDispose]() {
			for (const finish of questions) {
				finish();
			}

			socket.close();
			await once(socket, 'close');
		},
	};
}

function ask(question: Uint8Array, {server, from, socket, questions}: {
	readonly server: DnsServer;
	readonly from: RemoteInfo;
	readonly socket: DatagramSocket;
	readonly questions: Set<() => void>;
}): void {
	const asked = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
	const finish = () => {
		if (!questions.delete(finish)) {
			return;
		}

		clearTimeout(timer);
		asked.close();
	};

	const timer = setTimeout(finish, answerTimeout);
	questions.add(finish);
	// Whoever gets no answer asks again.
	asked.on('error', finish);
	asked.on('message', answer => {
		socket.send(answer, from.port, from.address);
		finish();
	});
	// A connected socket takes answers of that server alone.
	asked.connect(server.port, server.address, () => {
		asked.send(question);
	});
}

async function relayConnections(descriptor: Descriptor, {address, port}: DnsServer): Promise<AsyncDisposable> {
	const connections = new Set<Socket>();
	// Whoever asks may have said all before the answer comes.
	const listener = createServer({allowHalfOpen: true}, client => {
		connections.add(client);
		client.setTimeout(answerTimeout, () => {
			client.destroy();
		});
		// What goes wrong closes both connections, and the step sees that.
		pipeline(client, connect({host: address, port, allowHalfOpen: true}), client, () => {
			connections.delete(client);
		});
	});
	listener.on('error', ignoreFailure);
	listener.maxConnections = mostConnections;
	listener.listen({fd: descriptor.release()});
	await once(listener, 'listening');
	return {
		async [Symbol.asyncDispose]() {
			listener.close();
			for (const connection of connections) {
				connection.destroy();
			}

			await once(listener, 'close');
		},
	};
}
