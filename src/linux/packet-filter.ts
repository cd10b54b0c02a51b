import {Buffer} from 'node:buffer';
import {cString} from './name.ts';
import {
	attribute,
	NETLINK_NETFILTER,
	nestedAttribute,
	NetlinkSocket,
	NLM_F_ACK,
	NLM_F_APPEND,
	NLM_F_CREATE,
	NLM_F_DUMP,
	NLM_F_EXCL,
	openNetlinkSocket,
	parseAttributes,
	type NetlinkMessage,
} from './netlink.ts';
import {
	bigEndian,
	families,
	ruleExpressions,
	verdicts,
	type FilterRule,
} from './packet-filter-rule.ts';

/**
Where a chain looks at packets: before they are routed, when they go through this machine from one interface to another, when they leave it.
*/
export type FilterHook = 'prerouting' | 'forward' | 'postrouting';

/**
A list of rules that packets meet at one hook; whatever meets none that decides is accepted.
*/
export type FilterChain = {
	readonly hook: FilterHook;
	/** Chains of lower numbers come first. */
	readonly priority: number;
	readonly type: 'filter' | 'nat';
	readonly rules: readonly FilterRule[];
};

/**
A chain that somebody has at a hook.
*/
export type PresentChain = {
	/** `inet` is IPv4 and IPv6. */
	readonly family: 'ipv4' | 'ipv6' | 'inet';
	readonly table: string;
	readonly name: string;
	readonly drops: boolean;
	readonly isEmpty: boolean;
};

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter/nfnetlink.h
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter.h
const NFPROTO_UNSPEC = 0;
const hooks = {prerouting: 0, forward: 2, postrouting: 4} as const;

// The messages of nf_tables and their attributes, under the names of
// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter/nf_tables.h
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFT_TABLE_F_OWNER = 2;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_USE = 6;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;

const creation = NLM_F_ACK | NLM_F_CREATE;

/**
A table of rules for all packets of the network namespace that it is made in. It belongs to this process: it is gone when it is disposed of, or the process has ended in any way, and nobody else can change it.

@see https://wiki.nftables.org/wiki-nftables/index.php/Portal:DeveloperDocs/nftables_internals
*/
export class PacketFilter implements Disposable {
	/**
	Makes a table, all of it at once.

	@throws {LinuxError} `EPERM` without CAP_NET_ADMIN; `EPROTONOSUPPORT`, `EOPNOTSUPP` or `ENOENT` where the kernel lacks a part of nf_tables
	*/
	static create(table: string, chains: readonly FilterChain[]): PacketFilter {
		using opened = new DisposableStack();
		const socket = opened.use(new NetlinkSocket(openNetlinkSocket(NETLINK_NETFILTER)));
		const messages = [tableMessage(table), ...chains.flatMap(chain => chainMessages(table, chain))];
		socket.request([batchMessage(NFNL_MSG_BATCH_BEGIN), ...messages, batchMessage(NFNL_MSG_BATCH_END)], 'create packet filter');
		opened.move();
		return new PacketFilter(socket);
	}

	readonly #socket: NetlinkSocket;

	private constructor(socket: NetlinkSocket) {
		this.#socket = socket;
	}

	[Symbol.dispose](): void {
		this.#socket[Symbol.dispose]();
	}
}

/**
The chains that decide about packets which go through this machine, in the calling thread's network namespace. Those of the old `ip_tables` are not among them.

@throws {LinuxError} as `PacketFilter.create`
*/
export function findForwardChains(): readonly PresentChain[] {
	using socket = new NetlinkSocket(openNetlinkSocket(NETLINK_NETFILTER));
	const answers = socket.request([{type: messageType(NFT_MSG_GETCHAIN), flags: NLM_F_DUMP, payload: familyHeader(NFPROTO_UNSPEC)}], 'list packet filters');
	return answers.map(({payload}) => parseForwardChain(payload)).filter(chain => chain !== undefined);
}

function parseForwardChain(payload: Uint8Array): PresentChain | undefined {
	const attributes = parseAttributes(payload.subarray(familyHeaderSize));
	const hook = attributes.get(NFTA_CHAIN_HOOK);
	const family = Object.entries(families).find(([, number]) => number === payload[0])?.[0] as PresentChain['family'] | undefined;
	if (family === undefined || hook === undefined || parseAttributes(hook).get(NFTA_HOOK_HOOKNUM)?.readUInt32BE() !== hooks.forward) {
		return undefined;
	}

	return {
		family,
		table: textOf(attributes.get(NFTA_CHAIN_TABLE)),
		name: textOf(attributes.get(NFTA_CHAIN_NAME)),
		drops: attributes.get(NFTA_CHAIN_POLICY)?.readUInt32BE() === verdicts.drop,
		isEmpty: attributes.get(NFTA_CHAIN_USE)?.readUInt32BE() === 0,
	};
}

function tableMessage(table: string): NetlinkMessage {
	return message(NFT_MSG_NEWTABLE, creation | NLM_F_EXCL, attribute(NFTA_TABLE_NAME, cString(table)), attribute(NFTA_TABLE_FLAGS, bigEndian(NFT_TABLE_F_OWNER)));
}

function chainMessages(table: string, {hook, priority, type, rules}: FilterChain): readonly NetlinkMessage[] {
	const name = `${type}-${hook}`;
	const place = [attribute(NFTA_HOOK_HOOKNUM, bigEndian(hooks[hook])), attribute(NFTA_HOOK_PRIORITY, bigEndian(priority))];
	const created = message(
		NFT_MSG_NEWCHAIN,
		creation,
		attribute(NFTA_CHAIN_TABLE, cString(table)),
		attribute(NFTA_CHAIN_NAME, cString(name)),
		nestedAttribute(NFTA_CHAIN_HOOK, ...place),
		attribute(NFTA_CHAIN_TYPE, cString(type)),
	);
	return [created, ...rules.map(rule => message(
		NFT_MSG_NEWRULE,
		creation | NLM_F_APPEND,
		attribute(NFTA_RULE_TABLE, cString(table)),
		attribute(NFTA_RULE_CHAIN, cString(name)),
		nestedAttribute(NFTA_RULE_EXPRESSIONS, ...ruleExpressions(rule)),
	))];
}

function message(type: number, flags: number, ...attributes: readonly Uint8Array[]): NetlinkMessage {
	return {type: messageType(type), flags, payload: Buffer.concat([familyHeader(families.inet), ...attributes])};
}

function messageType(type: number): number {
	return (NFNL_SUBSYS_NFTABLES << 8) | type;
}

function batchMessage(type: number): NetlinkMessage {
	const header = familyHeader(NFPROTO_UNSPEC);
	header.writeUInt16BE(NFNL_SUBSYS_NFTABLES, 2);
	return {type, flags: 0, payload: header};
}

// `struct nfgenmsg`
const familyHeaderSize = 4;

function familyHeader(family: number): Buffer {
	return Buffer.of(family, 0, 0, 0);
}

function textOf(bytes: Buffer | undefined): string {
	return bytes?.toString('utf8').replace(/\0$/v, '') ?? '';
}
