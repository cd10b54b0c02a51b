import {Buffer} from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {
	encodePaxRecords,
	formatPaxTime,
	parsePaxRecords,
	parsePaxTime,
	paxKeyOfXattr,
	xattrOfPaxKey,
} from '../../snapshotter/pax.ts';

test('records are read as they were written, also where the length of the length changes', t => {
	fc.assert(fc.property(fc.uint8Array({maxLength: 120}), bytes => {
		const value = Buffer.from(bytes);
		const encoded = encodePaxRecords(new Map([['key', value]]));
		t.deepEqual(parsePaxRecords(encoded), [{key: 'key', value}]);
	}));
});

test('times keep each nanosecond', t => {
	fc.assert(fc.property(fc.bigInt({min: -(10n ** 20n), max: 10n ** 20n}), nanoseconds => {
		t.is(parsePaxTime(formatPaxTime(nanoseconds)), nanoseconds);
	}));
	t.is(formatPaxTime(-1n), '-0.000000001');
	t.is(formatPaxTime(1_500_000_000n), '1.5');
	t.is(parsePaxTime('1.1234567899'), 1_123_456_789n);
	t.is(parsePaxTime('-0.5'), -500_000_000n);
});

test('names of attributes survive the sign that ends a key', t => {
	const unit = fc.constantFrom('%', '=', '2', '5', '3', 'D');
	fc.assert(fc.property(fc.string({unit}), name => {
		t.is(xattrOfPaxKey(paxKeyOfXattr(name)), name);
		t.false(paxKeyOfXattr(name).includes('='));
	}));
	t.is(xattrOfPaxKey('path'), undefined);
});
