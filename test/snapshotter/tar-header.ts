import {Buffer} from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {decodeTarHeader, readNumber} from '../../snapshotter/tar-header.ts';
import {rawHeader} from '../support/tar-bytes.ts';

test('octal numbers may be padded with spaces and NULs', t => {
	for (const [text, value] of [['0000644\0', 0o644], ['   644 \0', 0o644], ['644\0\0\0\0\0', 0o644], [' '.repeat(8), 0], ['\0\0\0\0\0\0\0\0', 0], ['77777777', 0o7777_7777]] as const) {
		t.is(readNumber(Buffer.from(text), {start: 0, end: 8}), value);
	}
});

test('numbers of base 256 are read with their sign', t => {
	fc.assert(fc.property(fc.maxSafeInteger(), value => {
		const field = Buffer.alloc(12, value < 0 ? 0xFF : 0);
		field.writeBigInt64BE(BigInt(value), 4);
		field[0] = value < 0 ? 0xFF : 0x80;
		t.is(readNumber(field, {start: 0, end: 12}), value);
	}));
});

test('checksums of signed bytes are taken, as old programs made them', t => {
	const header = rawHeader({name: Buffer.of(0xFF, 0xFE)});
	const unsigned = readNumber(header, {start: 148, end: 156});
	header.write((unsigned - 0x2_00).toString(8).padStart(6, '0'), 148);
	t.deepEqual(decodeTarHeader(header)?.name, Buffer.of(0xFF, 0xFE));
});

test('the prefix stands before the name in ustar, and is something else in GNU\'s format', t => {
	const prefix = {offset: 345, bytes: Buffer.from('prefix')};
	const gnuMagic = {offset: 257, bytes: Buffer.from('ustar  \0')};
	const noMagic = {offset: 257, bytes: Buffer.alloc(8)};
	for (const [patches, name] of [[[prefix], 'prefix/file'], [[prefix, gnuMagic], 'file'], [[prefix, noMagic], 'file']] as const) {
		const block = rawHeader({}, patches);
		t.is(decodeTarHeader(block)?.name.toString(), name);
	}
});

test('a block of zeros is no header', t => {
	t.is(decodeTarHeader(Buffer.alloc(512)), undefined);
});
