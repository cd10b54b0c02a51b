import {Buffer} from 'node:buffer';
import {
	AF_INET,
	SOCK_CLOEXEC,
	SOCK_DGRAM,
	SOCK_NONBLOCK,
	SOCK_STREAM,
} from './constants.ts';
import {Descriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check} from './linux-error.ts';

/**
Opens a socket with a port of 127.0.0.1 of the network namespace that the calling thread is in. (Node would do it later, on another thread.)

@throws {LinuxError} `EADDRINUSE`; `EACCES` for a low port without CAP_NET_BIND_SERVICE
@see https://man7.org/linux/man-pages/man7/ip.7.html
*/
export function openLoopbackSocket(protocol: 'tcp' | 'udp', port: number): Descriptor {
	const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM;
	const action = `open ${protocol} socket on port ${port}`;
	using opened = new DisposableStack();
	const number = libc().socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const socket = opened.use(new Descriptor(check(number, 'socket', {action})));
	const address = socketAddress(port);
	check(libc().bind(socket.number, address, address.length), 'bind', {action});
	opened.move();
	return socket;
}

// `struct sockaddr_in`
function socketAddress(port: number): Uint8Array {
	const bytes = Buffer.alloc(16);
	bytes.writeUInt16LE(AF_INET, 0);
	bytes.writeUInt16BE(port, 2);
	bytes.set([127, 0, 0, 1], 4);
	return bytes;
}
