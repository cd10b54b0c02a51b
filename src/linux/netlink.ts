import {Buffer} from 'node:buffer';
import {readSync, writeSync} from 'node:fs';
import {errorCode} from '../kernel/errors.ts';
import {
	AF_NETLINK,
	SOCK_CLOEXEC,
	SOCK_NONBLOCK,
	SOCK_RAW,
} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, LinuxError} from './linux-error.ts';

/**
One message to the kernel or from it, without its header.
*/
export type NetlinkMessage = {
	/**
	What it is about; each protocol has its own numbers.
	*/
	readonly type: number;
	/**
	`NLM_F_...`
	*/
	readonly flags: number;
	/**
	A structure of the protocol, and attributes behind it.
	*/
	readonly payload: Uint8Array;
};

// https://man7.org/linux/man-pages/man7/netlink.7.html
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
const NLM_F_REQUEST = 0x01;
export const NLM_F_ACK = 0x04;
export const NLM_F_DUMP = 0x03_00;
export const NLM_F_EXCL = 0x02_00;
export const NLM_F_CREATE = 0x04_00;
export const NLM_F_APPEND = 0x08_00;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const headerSize = 16;
const attributeHeaderSize = 4;

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netlink.h (NLA_F_NESTED, NLA_TYPE_MASK)
const nestedFlag = 0x80_00;
const attributeTypeMask = 0x3F_FF;

// The kernel fills at most half of it at once, however many answers there are.
const bufferSize = 64 * 1024;

/**
Opens a socket for a `NetlinkSocket`. The protocol is NETLINK_ROUTE or NETLINK_NETFILTER.

@throws {LinuxError} `EPROTONOSUPPORT` when the kernel lacks it
*/
export function openNetlinkSocket(protocol: number): Descriptor {
	const number = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	return new Descriptor(check(number, 'socket', {action: 'open netlink socket'}));
}

/**
A connection to one part of the kernel's network, in the network namespace that the calling thread was in when it was opened; it stays in that namespace whoever uses it.

@see https://man7.org/linux/man-pages/man7/netlink.7.html
*/
export class NetlinkSocket implements Disposable {
	readonly #socket: Descriptor;
	#sequence = 0;

	/**
	Takes over a socket of `openNetlinkSocket`.
	*/
	constructor(socket: Descriptor) {
		this.#socket = socket;
	}

	// `struct nlmsghdr`
	#encode({type, flags, payload}: NetlinkMessage): Uint8Array {
		const bytes = Buffer.alloc(padded(headerSize + payload.length));
		bytes.writeUInt32LE(headerSize + payload.length, 0);
		bytes.writeUInt16LE(type, 4);
		bytes.writeUInt16LE(flags | NLM_F_REQUEST, 6);
		this.#sequence++;
		bytes.writeUInt32LE(this.#sequence, 8);
		bytes.set(payload, headerSize);
		return bytes;
	}

	* #receive(): Generator<NetlinkMessage> {
		const buffer = Buffer.alloc(bufferSize);
		for (let size = this.#read(buffer); size > 0; size = this.#read(buffer)) {
			yield * parseMessages(Buffer.from(buffer.subarray(0, size)));
		}
	}

	#read(buffer: Uint8Array): number {
		try {
			return readSync(this.#socket.number, buffer);
		} catch (error) {
			if (errorCode(error) === 'EAGAIN') {
				return 0;
			}

			throw error;
		}
	}

	/**
	Sends messages at once, and returns what the kernel answers besides success. It answers before the call that sends is over, so nothing is waited for.

	@param messages each is answered on its own
	@param action verb and object, for the error
	@throws {LinuxError} the first failure that the kernel tells of
	*/
	request(messages: readonly NetlinkMessage[], action: string): readonly NetlinkMessage[] {
		const bytes = Buffer.concat(messages.map(message => this.#encode(message)));
		writeSync(this.#socket.number, bytes);
		const answers = [...this.#receive()];
		const failure = answers.find(({type, payload}) => type === NLMSG_ERROR && errorNumberOf(payload) < 0);
		if (failure !== undefined) {
			throw new LinuxError('sendmsg', errorNumberOf(failure.payload), {action});
		}

		return answers.filter(({type}) => type !== NLMSG_ERROR && type !== NLMSG_DONE);
	}

	[Symbol.dispose](): void {
		this.#socket.close();
	}
}

/**
The bytes of an attribute, padded.

@see https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netlink.h (struct nlattr)
*/
export function attribute(type: number, value: Uint8Array): Uint8Array {
	const bytes = Buffer.alloc(padded(attributeHeaderSize + value.length));
	bytes.writeUInt16LE(attributeHeaderSize + value.length, 0);
	bytes.writeUInt16LE(type, 2);
	bytes.set(value, attributeHeaderSize);
	return bytes;
}

/**
An attribute that consists of others.
*/
export function nestedAttribute(type: number, ...inner: readonly Uint8Array[]): Uint8Array {
	return attribute(type | nestedFlag, Buffer.concat(inner));
}

/**
A number of 32 bits as this machine has it.
*/
export function uint32(value: number): Uint8Array {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
}

/**
The values of attributes by their types; of two of one type, the last.

@param bytes attributes, one behind the other, as the kernel sends them
*/
export function parseAttributes(bytes: Uint8Array): ReadonlyMap<number, Buffer> {
	const attributes = new Map<number, Buffer>();
	const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	for (let offset = 0; offset + attributeHeaderSize <= view.length;) {
		const size = view.readUInt16LE(offset);
		attributes.set(view.readUInt16LE(offset + 2) & attributeTypeMask, view.subarray(offset + attributeHeaderSize, offset + size));
		offset += padded(Math.max(size, attributeHeaderSize));
	}

	return attributes;
}

function * parseMessages(bytes: Buffer): Generator<NetlinkMessage> {
	for (let offset = 0; offset + headerSize <= bytes.length;) {
		const size = bytes.readUInt32LE(offset);
		yield {
			type: bytes.readUInt16LE(offset + 4),
			flags: bytes.readUInt16LE(offset + 6),
			payload: bytes.subarray(offset + headerSize, offset + size),
		};
		offset += padded(Math.max(size, headerSize));
	}
}

// `struct nlmsgerr`; 0 is success, of what was asked for with NLM_F_ACK.
function errorNumberOf(payload: Uint8Array): number {
	return Buffer.from(payload).readInt32LE();
}

function padded(size: number): number {
	return Math.ceil(size / 4) * 4;
}
