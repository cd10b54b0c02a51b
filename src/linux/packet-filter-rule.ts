import {Buffer} from 'node:buffer';
import {cString} from './name.ts';
import {attribute, nestedAttribute, uint32} from './netlink.ts';

/**
What a rule asks of a packet. All numbers of more than one byte are as the network has them, but for those of the kernel itself.
*/
export type FilterMatch =
	/** The number of the interface that it came in by, or goes out by. */
	| {readonly type: 'input' | 'output'; readonly index: number; readonly isNegated?: true}
	/** The protocol that its addresses are of. */
	| {readonly type: 'family'; readonly family: 'ipv4' | 'ipv6'}
	/** The protocol inside IP, by its number. */
	| {readonly type: 'protocol'; readonly number: number}
	/** Bytes of the header of IP or of the protocol inside it, those of them that `mask` has; all when not given. */
	| {readonly type: 'header'; readonly header: 'network' | 'transport'; readonly offset: number; readonly value: Uint8Array; readonly mask?: Uint8Array; readonly isNegated?: true}
	/** It belongs to no connection that is known already, nor is about one. */
	| {readonly type: 'unknown connection'};

/**
What becomes of a packet to which all matches apply.
*/
export type FilterRule = {
	readonly matches: readonly FilterMatch[];
	/** `masquerade`: it gets the address of the interface that it leaves by, and its answers come back. */
	readonly verdict: 'accept' | 'drop' | 'masquerade';
};

/**
The numbers of protocols and verdicts.

@see https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter.h
*/
export const families = {inet: 1, ipv4: 2, ipv6: 10} as const;
export const verdicts = {drop: 0, accept: 1} as const;

// Attributes and keys of expressions, under the names of
// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter/nf_tables.h
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NFT_META_IIF = 4;
const NFT_META_OIF = 5;
const NFT_META_NFPROTO = 15;
const NFT_META_L4PROTO = 16;
const NFT_CT_STATE = 0;
const NFT_CMP_EQ = 0;
const NFT_CMP_NEQ = 1;
const headers = {network: 1, transport: 2} as const;

// Of a connection that is established, or related to one: `NF_CT_STATE_BIT`.
// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/netfilter/nf_conntrack_common.h
const knownConnection = 0b0110;

/**
A rule as a list of expressions, of which each is an attribute NFTA_LIST_ELEM. The last has the verdict; it is reached when all others apply.
*/
export function ruleExpressions({matches, verdict}: FilterRule): readonly Uint8Array[] {
	return [...matches.flatMap(match => matchExpressions(match)), verdictExpression(verdict)];
}

/**
A number of 32 bits as the network has it, and nf_tables its own numbers.
*/
export function bigEndian(value: number): Uint8Array {
	const bytes = Buffer.alloc(4);
	bytes.writeInt32BE(value);
	return bytes;
}

/** What is to be compared goes into a register, and is compared there. */
function matchExpressions(match: FilterMatch): readonly Uint8Array[] {
	switch (match.type) {
		case 'input': {
			return [meta(NFT_META_IIF), compare(uint32(match.index), match.isNegated)];
		}

		case 'output': {
			return [meta(NFT_META_OIF), compare(uint32(match.index), match.isNegated)];
		}

		case 'family': {
			return [meta(NFT_META_NFPROTO), compare(Buffer.of(families[match.family]))];
		}

		case 'protocol': {
			return [meta(NFT_META_L4PROTO), compare(Buffer.of(match.number))];
		}

		case 'header': {
			const {header, offset, value, mask, isNegated} = match;
			return [payload(headers[header], offset, value.length), ...(mask === undefined ? [] : [bitwiseAnd(mask)]), compare(value, isNegated)];
		}

		case 'unknown connection': {
			return [connectionState(), bitwiseAnd(uint32(knownConnection)), compare(uint32(0))];
		}
	}
}

function verdictExpression(verdict: FilterRule['verdict']): Uint8Array {
	switch (verdict) {
		case 'masquerade': {
			return expression('masq');
		}

		case 'accept':
		case 'drop': {
			const code = attribute(NFTA_VERDICT_CODE, bigEndian(verdicts[verdict]));
			return expression('immediate', attribute(1, bigEndian(NFT_REG_VERDICT)), nestedAttribute(2, nestedAttribute(NFTA_DATA_VERDICT, code)));
		}
	}
}

// In the following, the attributes are in the order of their enumerations `nft_..._attributes`, which begin with 1.

function meta(key: number): Uint8Array {
	return expression('meta', attribute(1, bigEndian(NFT_REG_1)), attribute(2, bigEndian(key)));
}

function connectionState(): Uint8Array {
	return expression('ct', attribute(1, bigEndian(NFT_REG_1)), attribute(2, bigEndian(NFT_CT_STATE)));
}

function payload(base: number, offset: number, length: number): Uint8Array {
	return expression('payload', ...[NFT_REG_1, base, offset, length].map((value, index) => attribute(index + 1, bigEndian(value))));
}

function bitwiseAnd(mask: Uint8Array): Uint8Array {
	const noChange = Buffer.alloc(mask.length);
	return expression(
		'bitwise',
		...[NFT_REG_1, NFT_REG_1, mask.length].map((value, index) => attribute(index + 1, bigEndian(value))),
		nestedAttribute(4, attribute(NFTA_DATA_VALUE, mask)),
		nestedAttribute(5, attribute(NFTA_DATA_VALUE, noChange)),
	);
}

function compare(value: Uint8Array, isNegated = false): Uint8Array {
	return expression(
		'cmp',
		attribute(1, bigEndian(NFT_REG_1)),
		attribute(2, bigEndian(isNegated ? NFT_CMP_NEQ : NFT_CMP_EQ)),
		nestedAttribute(3, attribute(NFTA_DATA_VALUE, value)),
	);
}

function expression(name: string, ...attributes: readonly Uint8Array[]): Uint8Array {
	return nestedAttribute(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, cString(name)), nestedAttribute(NFTA_EXPR_DATA, ...attributes));
}
