import {Buffer} from 'node:buffer';
import type {NetworkLink} from '../../src/linux/network-links.ts';
import type {FilterChain} from '../../src/linux/packet-filter.ts';
import type {FilterMatch, FilterRule} from '../../src/linux/packet-filter-rule.ts';

// https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks#Priority_within_hook
const priorities = {raw: -300, filter: 0, sourceNat: 100} as const;

// Offsets in the headers of IP: https://www.rfc-editor.org/rfc/rfc791#section-3.1 and https://www.rfc-editor.org/rfc/rfc8200#section-3
const sourceOffsets = {ipv4: 12, ipv6: 8} as const;
const destinationOffset = 16;
const loopback = {value: Buffer.of(127, 0, 0, 0), mask: Buffer.of(255, 0, 0, 0)};

// "Neighbor Solicitation" and "Neighbor Advertisement": https://www.rfc-editor.org/rfc/rfc4861#section-4.3
const ICMPV6 = 58;
const neighborMessages = [135, 136];

/**
The rules for the packets of steps: they leave with the machine's own address, under no address but their own, and nobody but the machine can speak to a step first.

A step with CAP_NET_RAW can send any packet. Those for 127.0.0.0/8 would reach services of the machine where `route_localnet` is set (CVE-2020-8558), and router advertisements would make it the machine's gateway for IPv6 (CVE-2020-13401).

@param link the machine's end of the link to the steps
@param addresses those of the steps, at most one of IPv4 and one of IPv6
*/
export function filterChains(link: Pick<NetworkLink, 'index'>, addresses: readonly Uint8Array[]): readonly FilterChain[] {
	const sources = addresses.map(address => comesFrom(address));
	return [
		{
			hook: 'prerouting',
			priority: priorities.raw,
			type: 'filter',
			rules: [
				{matches: [{type: 'input', index: link.index, isNegated: true}], verdict: 'accept'},
				{
					matches: [{type: 'family', family: 'ipv4'}, {
						type: 'header', header: 'network', offset: destinationOffset, ...loopback,
					}],
					verdict: 'drop',
				},
				...sources.map((matches): FilterRule => ({matches, verdict: 'accept'})),
				...(addresses.some(({length}) => length === 16) ? neighborMessages.map(type => acceptIcmpv6(type)) : []),
				{matches: [], verdict: 'drop'},
			],
		},
		{
			hook: 'forward',
			priority: priorities.filter,
			type: 'filter',
			rules: [{matches: [{type: 'output', index: link.index}, {type: 'unknown connection'}], verdict: 'drop'}],
		},
		{
			hook: 'postrouting',
			priority: priorities.sourceNat,
			type: 'nat',
			rules: sources.map(matches => ({matches, verdict: 'masquerade'})),
		},
	];
}

function comesFrom(value: Uint8Array): readonly FilterMatch[] {
	const family = value.length === 4 ? 'ipv4' : 'ipv6';
	return [{type: 'family', family}, {
		type: 'header', header: 'network', offset: sourceOffsets[family], value,
	}];
}

function acceptIcmpv6(type: number): FilterRule {
	return {
		matches: [{type: 'family', family: 'ipv6'}, {type: 'protocol', number: ICMPV6}, {
			type: 'header', header: 'transport', offset: 0, value: Buffer.of(type),
		}],
		verdict: 'accept',
	};
}
