import {Buffer} from 'node:buffer';
import {readFile} from 'node:fs/promises';
import {networkInterfaces} from 'node:os';
import {errorCode} from '../../src/kernel/errors.ts';

/** Where this machine sends packets of IPv4. */
export type HostRoute = {
	readonly interfaceName: string;
	/** As numbers of 32 bits, the first byte of the address being the highest. */
	readonly destination: number;
	readonly mask: number;
};

/** The routes of this machine, and what it does for others. */
export type HostRouting = {
	readonly routes: readonly HostRoute[];
	/** The interface to the rest of the world; `undefined` when there is none. */
	readonly uplink: string | undefined;
	/** Whether packets of others are passed on (`net.ipv4.ip_forward`). */
	readonly isForwarding: boolean;
	/** Likewise for IPv6, and there is a way to the rest of the world. */
	readonly isForwardingIpv6: boolean;
};

// https://man7.org/linux/man-pages/man5/proc_pid_net.5.html (/proc/net/route)
const routeColumns = {interfaceName: 0, destination: 1, mask: 7} as const;

// The destination ::/0, on any interface but the one that takes what leads nowhere.
const defaultRouteIpv6 = /^0{32} 00 .* (?!lo$)\S+$/mv;

/** Reads the routes of the network namespace of this process. */
export async function readHostRouting(): Promise<HostRouting> {
	const routes = parseRoutes(await readIfPresent('/proc/net/route'));
	const uplink = routes.find(({mask}) => mask === 0)?.interfaceName;
	return {
		routes,
		uplink,
		isForwarding: await readIfPresent('/proc/sys/net/ipv4/ip_forward') === '1\n',
		isForwardingIpv6: await readIfPresent('/proc/sys/net/ipv6/conf/all/forwarding') === '1\n' && defaultRouteIpv6.test(await readIfPresent('/proc/net/ipv6_route')),
	};
}

/** The address of IPv4 by which other machines know this one; 127.0.0.1 when there is none. */
export async function findOutwardAddress(): Promise<string> {
	const {uplink} = await readHostRouting();
	const addresses = uplink === undefined ? [] : networkInterfaces()[uplink] ?? [];
	return addresses.find(({family}) => family === 'IPv4')?.address ?? '127.0.0.1';
}

function parseRoutes(text: string): readonly HostRoute[] {
	return text.trimEnd().split('\n').slice(1).map(line => {
		const columns = line.split('\t');
		return {
			interfaceName: columns[routeColumns.interfaceName]!,
			destination: parseAddress(columns[routeColumns.destination]!),
			mask: parseAddress(columns[routeColumns.mask]!),
		};
	});
}

// The bytes of the address as a number of this machine, whose lowest byte is the first.
function parseAddress(text: string): number {
	return Buffer.from(text, 'hex').readUInt32LE();
}

async function readIfPresent(path: string): Promise<string> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return '';
		}

		throw error;
	}
}
