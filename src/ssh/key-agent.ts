import {Buffer} from 'node:buffer';
import {messageTypes, type AgentConnection, type SshAgent} from './agent.ts';
import type {PrivateKey} from './private-key.ts';
import {encodeNumber, encodeString, WireReader} from './wire.ts';

const failure = Buffer.of(messageTypes.failure);

/** An agent that has the given keys, in this process. They stay in its memory. */
export function createKeyAgent(keys: readonly PrivateKey[]): SshAgent {
	const connection: AgentConnection = {
		async answer(request) {
			try {
				return answerRequest(request, keys);
			} catch (error) {
				if (error instanceof RangeError) {
					return failure;
				}

				throw error;
			}
		},
		[Symbol.dispose]() {
			// There is nothing to close.
		},
	};
	return {
		async connect() {
			return connection;
		},
	};
}

// https://www.rfc-editor.org/rfc/rfc9987#section-5
function answerRequest(request: Uint8Array, keys: readonly PrivateKey[]): Uint8Array {
	const [type = 0] = request;
	switch (type) {
		case messageTypes.requestIdentities: {
			const identities = keys.flatMap(({publicKey}) => [encodeString(publicKey), encodeString('')]);
			return Buffer.concat([Buffer.of(messageTypes.identitiesAnswer), encodeNumber(keys.length), ...identities]);
		}

		case messageTypes.signRequest: {
			const reader = new WireReader(request.subarray(1));
			const [wanted, data, flags] = [reader.readBytes(), reader.readBytes(), reader.readNumber()];
			const key = keys.find(({publicKey}) => wanted.equals(publicKey));
			return key === undefined ? failure : Buffer.concat([Buffer.of(messageTypes.signResponse), encodeString(key.sign(data, flags))]);
		}

		default: {
			return failure;
		}
	}
}
