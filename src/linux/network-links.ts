import {Buffer} from 'node:buffer';
import {AF_INET, AF_INET6} from './constants.ts';
import {descriptorNumber, type BorrowedDescriptor, type Descriptor} from './descriptor.ts';
import {cString} from './name.ts';
import {
	attribute,
	NETLINK_ROUTE,
	nestedAttribute,
	NetlinkSocket,
	NLM_F_ACK,
	NLM_F_CREATE,
	NLM_F_DUMP,
	NLM_F_EXCL,
	openNetlinkSocket,
	parseAttributes,
	uint32,
	type NetlinkMessage,
} from './netlink.ts';

/**
A network interface.
*/
export type NetworkLink = {
	/**
	What the kernel knows it by; no other interface of its namespace has it, before it or after it.
	*/
	readonly index: number;
	/**
	Bytes of the largest packet.
	*/
	readonly mtu: number;
};

/**
An address of IPv4 (4 bytes) or IPv6 (16 bytes), with how many of its bits are those of the network.
*/
export type NetworkAddress = {
	readonly bytes: Uint8Array;
	readonly prefixLength: number;
};

// https://man7.org/linux/man-pages/man7/rtnetlink.7.html, numbers from include/uapi/linux/rtnetlink.h
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const creation = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/if_link.h
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/if_addr.h
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
// Addresses that nobody else can have are used without asking for them first, which takes a second.
const IFA_F_NODAD = 0x02;

// https://man7.org/linux/man-pages/man7/netdevice.7.html
const IFF_UP = 1;

/**
The interfaces, addresses and routes of the network namespace that it is opened in.

All methods throw a {@link LinuxError}: `EPERM` without CAP_NET_ADMIN there, `EEXIST`, `ENODEV`, `EOPNOTSUPP`.

@see https://man7.org/linux/man-pages/man7/rtnetlink.7.html
*/
export class NetworkLinks implements Disposable {
	readonly #socket: NetlinkSocket;

	/**
	Takes over a socket of `openNetlinkSocket(NETLINK_ROUTE)`, and its namespace.

	@param socket one in the calling thread's namespace when not given
	*/
	constructor(socket: Descriptor = openNetlinkSocket(NETLINK_ROUTE)) {
		this.#socket = new NetlinkSocket(socket);
	}

	#request(message: NetlinkMessage, action: string): void {
		this.#socket.request([message], action);
	}

	/**
	Finds an interface by its name.

	@throws {LinuxError} `ENODEV` when there is none
	*/
	find(name: string): NetworkLink {
		const answers = this.#socket.request([{type: RTM_GETLINK, flags: 0, payload: link(0, {}, nameAttribute(name))}], `find network interface ${name}`);
		const payload = Buffer.from(answers[0]!.payload);
		return {
			index: payload.readInt32LE(4),
			mtu: parseAttributes(payload.subarray(linkSize)).get(IFLA_MTU)!.readUInt32LE(),
		};
	}

	/**
	Makes two interfaces of which each gets what is sent by the other; the second, `peer`, in another namespace. They are down, and end together with either namespace.

	@see https://man7.org/linux/man-pages/man4/veth.4.html
	*/
	createPair({name, peer, namespace, mtu}: {readonly name: string; readonly peer: string; readonly namespace: BorrowedDescriptor; readonly mtu: number}): void {
		const mtuAttribute = attribute(IFLA_MTU, uint32(mtu));
		const number = uint32(descriptorNumber(namespace));
		const peerLink = link(0, {}, nameAttribute(peer), mtuAttribute, attribute(IFLA_NET_NS_FD, number));
		const data = nestedAttribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, peerLink));
		const kind = nestedAttribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, cString('veth')), data);
		this.#request({type: RTM_NEWLINK, flags: creation, payload: link(0, {}, nameAttribute(name), mtuAttribute, kind)}, `create network interface ${name}`);
	}

	/**
	Switches an interface on.
	*/
	switchOn({index}: Pick<NetworkLink, 'index'>): void {
		this.#request({type: RTM_NEWLINK, flags: NLM_F_ACK, payload: link(index, {flags: IFF_UP})}, 'switch on network interface');
	}

	/**
	Gives an interface an address, and a route to all others of that network.
	*/
	addAddress({index}: Pick<NetworkLink, 'index'>, {bytes, prefixLength}: NetworkAddress): void {
		// `struct ifaddrmsg`
		const message = Buffer.alloc(8);
		message.writeUInt8(familyOf(bytes), 0);
		message.writeUInt8(prefixLength, 1);
		message.writeUInt8(familyOf(bytes) === AF_INET6 ? IFA_F_NODAD : 0, 2);
		message.writeUInt32LE(index, 4);
		const payload = Buffer.concat([message, attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)]);
		this.#request({type: RTM_NEWADDR, flags: creation, payload}, 'give network interface an address');
	}

	/**
	Sends through an interface, to a gateway, whatever no other route is for.
	*/
	addDefaultRoute({index}: Pick<NetworkLink, 'index'>, gateway: Uint8Array): void {
		const message = Buffer.alloc(routeSize);
		message.writeUInt8(familyOf(gateway), 0);
		message.writeUInt8(RT_TABLE_MAIN, 4);
		message.writeUInt8(RTPROT_BOOT, 5);
		message.writeUInt8(RTN_UNICAST, 7);
		const payload = Buffer.concat([message, attribute(RTA_GATEWAY, gateway), attribute(RTA_OIF, uint32(index))]);
		this.#request({type: RTM_NEWROUTE, flags: creation, payload}, 'add default route');
	}

	/**
	Whether there is a route of IPv4 for what no other one is for.
	*/
	hasDefaultRoute(): boolean {
		const message = Buffer.alloc(routeSize);
		message.writeUInt8(AF_INET, 0);
		const routes = this.#socket.request([{type: RTM_GETROUTE, flags: NLM_F_DUMP, payload: message}], 'list routes');
		return routes.some(({payload}) => payload[1] === 0 && payload[4] === RT_TABLE_MAIN);
	}

	[Symbol.dispose](): void {
		this.#socket[Symbol.dispose]();
	}
}

// `struct ifinfomsg`
const linkSize = 16;

// `struct rtmsg`
const routeSize = 12;

function link(index: number, {flags = 0}: {readonly flags?: number}, ...attributes: readonly Uint8Array[]): Uint8Array {
	const message = Buffer.alloc(linkSize);
	message.writeInt32LE(index, 4);
	message.writeUInt32LE(flags, 8);
	// Which of the flags are meant.
	message.writeUInt32LE(flags, 12);
	return Buffer.concat([message, ...attributes]);
}

function nameAttribute(name: string): Uint8Array {
	return attribute(IFLA_IFNAME, cString(name));
}

function familyOf(address: Uint8Array): number {
	return address.length === 4 ? AF_INET : AF_INET6;
}
