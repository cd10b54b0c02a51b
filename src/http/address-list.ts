import {BlockList, isIP} from 'node:net';
import {bareAddress} from './loopback.ts';

/**
Hosts that a setting names: `registry.example.com`, `.example.com` for all below it, an address, a network such as `10.0.0.0/8`, each with or without a port, `*` for all.
*/
export type AddressList = {
	/** @param host - Of a URL: name or address, the latter in brackets if it is an IPv6 one. */
	readonly includes: (host: string, port: string) => boolean;
};

type HostPattern = {
	readonly name: string;
	readonly port: string;
};

/**
Reads such a list. What is no host is left out, as Go's HTTP client does.

@see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
*/
export function parseAddressList(entries: readonly string[]): AddressList {
	const networks = new BlockList();
	const patterns: HostPattern[] = [];
	for (const text of entries) {
		const entry = text.trim().toLowerCase();
		if (entry !== '' && !addNetwork(networks, entry)) {
			patterns.push(readPattern(entry));
		}
	}

	return {
		includes(host, port) {
			const name = bareAddress(host.toLowerCase());
			const family = isIP(name);
			return patterns.some(pattern => matches(pattern, name, port))
				|| (family !== 0 && networks.check(name, family === 6 ? 'ipv6' : 'ipv4'));
		},
	};
}

function addNetwork(networks: BlockList, entry: string): boolean {
	const {address = '', prefix = ''} = /^(?<address>[\d.:a-f]+)\/(?<prefix>\d{1,3})$/v.exec(entry)?.groups ?? {};
	const family = isIP(address);
	if (family === 0 || Number(prefix) > (family === 6 ? 128 : 32)) {
		return false;
	}

	networks.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
	return true;
}

function readPattern(entry: string): HostPattern {
	// Of an IPv6 address without brackets the last part is no port.
	const {name = entry, port = ''} = isIP(entry) === 6 ? {} : /^(?<name>.*?)(?::(?<port>\d+))?$/v.exec(entry)?.groups ?? {};
	return {name: bareAddress(name).replace(/^\*\./v, '.'), port};
}

function matches(pattern: HostPattern, name: string, port: string): boolean {
	if (pattern.port !== '' && pattern.port !== port) {
		return false;
	}

	return pattern.name === '*'
		|| pattern.name === name
		|| (pattern.name.startsWith('.') && name.endsWith(pattern.name));
}
