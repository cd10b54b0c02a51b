import type {Descriptor} from './descriptor.ts';
import {openLoopbackSocket} from './loopback-socket.ts';
import {NETLINK_ROUTE, openNetlinkSocket} from './netlink.ts';

/**
What keeps working in a network namespace for whoever is elsewhere.
*/
export type NamespaceSockets = {
	/**
	For `NetworkLinks`.
	*/
	readonly links: Descriptor;
	/**
	With a port of 127.0.0.1.
	*/
	readonly tcp: Descriptor;
	/**
	With the same port.
	*/
	readonly udp: Descriptor;
};

/**
Opens sockets in the network namespace that the calling thread is in.

@param port that of TCP and UDP
@throws {LinuxError} `EADDRINUSE`; `EACCES` for a low port without CAP_NET_BIND_SERVICE
*/
export function openNamespaceSockets(port: number): NamespaceSockets {
	using opened = new DisposableStack();
	const sockets = {
		links: opened.use(openNetlinkSocket(NETLINK_ROUTE)),
		tcp: opened.use(openLoopbackSocket('tcp', port)),
		udp: opened.use(openLoopbackSocket('udp', port)),
	};
	opened.move();
	return sockets;
}
