import {Buffer} from 'node:buffer';
import test from 'ava';
import {
	blocks,
	endOfArchive,
	paxHeader,
	rawHeader,
	readMembers,
} from '../support/tar-bytes.ts';

const refuses = test.macro({
	async exec(t, archive: Uint8Array, message: RegExp) {
		await t.throwsAsync(readMembers(archive), {code: 'ERR_TSBUILD_TAR', message});
	},
	title: (title = '') => `${title} is refused`,
});

const negative = Buffer.from('ffffffffffffffffffffffff', 'hex');
const beyondPrecision = Buffer.from('807fffffffffffffffffffff', 'hex');
const header = rawHeader({});
const manyGlobals = ['a', 'b'].map(key => paxHeader('g', {[key]: 'x'.repeat(700_000)}));
const extendedSparseHeader = rawHeader({typeFlag: 'S'}, [{offset: 482, bytes: Buffer.of(1)}]);
const extensions = Array.from({length: 5000}, () => Buffer.alloc(512, '0').fill(1, 504, 505));

function withRecords(records: string): Buffer {
	return Buffer.concat([rawHeader({typeFlag: 'x', size: Buffer.byteLength(records)}), blocks(records), header]);
}

function withSize(size: Uint8Array | string, typeFlag = '0'): Buffer {
	return rawHeader({typeFlag}, [{offset: 124, bytes: Buffer.from(size)}]);
}

function sparse(size: string, map: string): Buffer {
	return Buffer.concat([
		paxHeader('x', {'GNU.sparse.name': 'x', 'GNU.sparse.size': size, 'GNU.sparse.map': map}),
		rawHeader({size: 512}),
		Buffer.alloc(512),
		endOfArchive,
	]);
}

const hostileArchives: ReadonlyArray<readonly [what: string, archive: Uint8Array, message: RegExp]> = [
	['a wrong checksum', header.map((byte, index) => index === 0 ? byte + 1 : byte), /checksum/v],
	['text that is no archive', Buffer.alloc(1000, '#!/bin/sh\n'), /checksum|octal/v],
	['an unknown type', rawHeader({typeFlag: 'Z'}), /unknown type "Z"/v],
	['a multi-volume archive', rawHeader({typeFlag: 'M'}), /unknown type/v],
	['a negative size', withSize(negative), /negative/v],
	['a size beyond 2^53', withSize(beyondPrecision), /too large/v],
	['a size that is no number', withSize('00000000x00\0'), /octal/v],
	['an extended header of more than 1 MiB', rawHeader({typeFlag: 'x', size: 2 ** 30}), /larger than 1 MiB/v],
	['a long name of more than 1 MiB', rawHeader({typeFlag: 'L', size: 2 ** 21}), /larger than 1 MiB/v],
	['an extended header with a negative size', withSize(negative, 'x'), /larger than 1 MiB/v],
	['a record that is longer than its header', withRecords('99 path=x\n'), /malformed/v],
	['a record without an end of line', withRecords('10 path=xy'), /malformed/v],
	['a record without a key', withRecords('7 =abc\n'), /malformed/v],
	['a record without a length', withRecords('path=x\n'), /malformed/v],
	['a record of length zero', withRecords('0 path=x\n'), /malformed/v],
	['a path with a NUL byte', withRecords('12 path=x\0y\n'), /NUL/v],
	['a negative size in a record', withRecords('11 size=-1\n'), /number in a PAX record/v],
	['a size in a record that the archive does not hold', withRecords('15 size=999999\n'), /ends within file/v],
	['a time that is none', withRecords('15 mtime=1e300\n'), /time/v],
	['an owner beyond 32 bits', withRecords('18 uid=4294967295\n'), /owner/v],
	['an end within a header', header.subarray(0, 100), /within a header/v],
	['an end within a content', Buffer.concat([rawHeader({size: 1000}), Buffer.alloc(512)]), /ends within file/v],
	['an end after an extended header', Buffer.concat([paxHeader('x', {uid: '1'}), endOfArchive]), /next entry/v],
	['a sparse map that goes backwards', sparse('1000', '600,256,0,256'), /order/v],
	['a sparse map beyond the file', sparse('100', '0,512'), /order/v],
	['a sparse map that is not what the archive holds', sparse('1000', '0,100'), /match/v],
	['a sparse map of an odd number of numbers', sparse('1000', '0,512,600'), /pairs/v],
	['a sparse file of an exbibyte', sparse('1152921504606846976', '0,512'), /number/v],
	['a sparse file of two tebibytes', sparse('2199023255552', '0,512'), /larger than 1 TiB/v],
	['an old sparse map that never ends', Buffer.concat([extendedSparseHeader, ...extensions]), /does not end/v],
	['global records of more than 1 MiB together', Buffer.concat(manyGlobals), /global/v],
];

for (const [what, archive, message] of hostileArchives) {
	test(what, refuses, archive, message);
}
