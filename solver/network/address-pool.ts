import {Buffer} from 'node:buffer';
import type {HostRoute} from './host-routes.ts';

/** The addresses of the two ends of a link. */
export type LinkAddresses = {
	/** The end of the machine that builds. */
	readonly host: Uint8Array;
	/** The end of the steps. */
	readonly step: Uint8Array;
	readonly prefixLength: number;
};

/** A network of four addresses; the second and the third are those of the link. */
const prefixLengthIpv4 = 30;
const networkSize = 4;
const prefixLengthIpv6 = 126;

/*
Networks of 65536 addresses that other programs rarely take, of the ranges for private use; the last is for measurements between networks, for machines whose routes have all of the others.
https://www.rfc-editor.org/rfc/rfc1918 and https://www.rfc-editor.org/rfc/rfc2544 (C.2.2)
*/
const poolSize = 2 ** 16;
const firstByte = 2 ** 24;
const pools = [[10, 213], [172, 30], [10, 137], [192, 168], [198, 18]] as const;

// A unique local network: https://www.rfc-editor.org/rfc/rfc4193
const poolIpv6 = [0xFD, 0x74, 0x73, 0x62, 0x75, 0x69, 0x6C, 0x64, 0, 0, 0, 0];

/**
Addresses for a link, of a network that no route of this machine leads to.

The number of the link's interface chooses the network, so builds that run at once need not ask each other.
*/
export function chooseAddresses(index: number, routes: readonly HostRoute[]): LinkAddresses {
	const offset = (index * networkSize) % poolSize;
	const networks = pools.map(([first, second]) => (first * firstByte) + (second * poolSize) + offset);
	const network = networks.find(candidate => routes.every(route => !isWithin(candidate, route))) ?? networks.at(-1)!;
	return {host: ipv4(network + 1), step: ipv4(network + 2), prefixLength: prefixLengthIpv4};
}

/** The same for IPv6, whose private networks are so many that no route is looked at. */
export function chooseAddressesIpv6(index: number): LinkAddresses {
	const network = index * networkSize;
	return {host: ipv6(network + 1), step: ipv6(network + 2), prefixLength: prefixLengthIpv6};
}

/** An address of IPv4 as text. */
export function formatAddress(address: Uint8Array): string {
	return address.join('.');
}

function isWithin(network: number, {destination, mask}: HostRoute): boolean {
	// A route to everywhere is where the steps' packets shall go in the end. Two networks overlap when they are equal in what both masks have.
	const common = mask & networkMask;
	return mask !== 0 && ((network & common) === (destination & common));
}

const networkMask = ~(networkSize - 1);

function ipv4(number: number): Uint8Array {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(number);
	return bytes;
}

function ipv6(number: number): Uint8Array {
	const bytes = Buffer.alloc(16);
	bytes.set(poolIpv6);
	bytes.writeUInt32BE(number, poolIpv6.length);
	return bytes;
}
