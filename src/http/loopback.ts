import {BlockList, isIP} from 'node:net';

/** Is it this machine: `localhost`, 127.0.0.0/8 or ::1? IPv6 addresses with or without brackets. */
export function isLoopback(hostname: string): boolean {
	const name = bareAddress(hostname);
	const family = isIP(name);
	if (family === 0) {
		return name === 'localhost';
	}

	const loopback = new BlockList();
	loopback.addSubnet('127.0.0.0', 8, 'ipv4');
	loopback.addAddress('::1', 'ipv6');
	return loopback.check(name, family === 6 ? 'ipv6' : 'ipv4');
}

/** The host of a URL without the brackets of an IPv6 address. */
export function bareAddress(hostname: string): string {
	return hostname.replace(/^\[(?<address>.*)\]$/v, '$<address>');
}
