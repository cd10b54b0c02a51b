import {once} from 'node:events';
import {connect, type Socket} from 'node:net';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import {frameMessage, readMessages, type SshAgent} from './agent.ts';

/** The agent that listens on a Unix socket, such as the user's own. */
export function createForwardedAgent(path: string): SshAgent {
	return {
		async connect() {
			const socket = await open(path);
			const answers = readMessages(socket);
			return {
				async answer(request) {
					socket.write(frameMessage(request));
					const {value, done} = await answers.next();
					if (done) {
						throw new TsbuildError('ERR_TSBUILD_SSH', `the agent at ${path} has ended the conversation`);
					}

					return value;
				},
				[Symbol.dispose]() {
					socket.destroy();
				},
			};
		},
	};
}

async function open(path: string): Promise<Socket> {
	const socket = connect(path);
	try {
		await once(socket, 'connect');
		// Whoever waits for an answer is told by the stream; without anybody, it is nobody's failure.
		socket.on('error', () => undefined);
		return socket;
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_SSH', `failed to connect to ${path}: ${errorMessage(error)}`, {cause: error});
	}
}
