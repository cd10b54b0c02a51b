import {Buffer} from 'node:buffer';
import {encodeNumber} from './wire.ts';

/** Something that signs with keys, and does not give them away. */
export type SshAgent = {
	/**
	Begins to speak with the agent.

	@throws {TsbuildError} `ERR_TSBUILD_SSH` when nobody is there
	*/
	connect(): Promise<AgentConnection>;
};

/** One conversation with an agent; one request after the other. */
export type AgentConnection = Disposable & {
	/** The answer to a message, both without their length. */
	answer(request: Uint8Array): Promise<Uint8Array>;
};

/** The first byte of each message: https://www.rfc-editor.org/rfc/rfc9987#section-6.1 */
export const messageTypes = {
	failure: 5,
	requestIdentities: 11,
	identitiesAnswer: 12,
	signRequest: 13,
	signResponse: 14,
} as const;

// What OpenSSH takes at most: https://github.com/openssh/openssh-portable/blob/V_10_0_P2/ssh-agent.c (AGENT_MAX_LEN)
const maximumLength = 256 * 1024;

const lengthSize = 4;

/** A message as it is sent. */
export function frameMessage(message: Uint8Array): Uint8Array {
	return Buffer.concat([encodeNumber(message.length), message]);
}

/**
The messages in a stream, without their lengths.

@yields {Uint8Array} a message
@throws {RangeError} for one that is empty or longer than any agent would take
*/
export async function * readMessages(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
	let pending = Buffer.alloc(0);
	for await (const chunk of stream) {
		pending = Buffer.concat([pending, chunk]);
		for (let end = endOfMessage(pending); end <= pending.length; end = endOfMessage(pending)) {
			yield pending.subarray(lengthSize, end);
			pending = pending.subarray(end);
		}
	}
}

/** Where the first message ends; behind the end of what is there, if that is not known yet. */
function endOfMessage(bytes: Buffer): number {
	if (bytes.length < lengthSize) {
		return Infinity;
	}

	const length = bytes.readUInt32BE();
	if (length === 0 || length > maximumLength) {
		throw new RangeError('no message of an agent has this length');
	}

	return lengthSize + length;
}
