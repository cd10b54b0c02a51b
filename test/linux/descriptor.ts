import {
	closeSync,
	constants,
	fstatSync,
	openSync,
	readFileSync,
} from 'node:fs';
import test from 'ava';
import {Descriptor, descriptorNumber} from '../../src/linux/descriptor.ts';

test('a descriptor is closed at the end of its scope', t => {
	let number: number;
	{
		using file = Descriptor.open('/proc/self/status', constants.O_RDONLY);
		number = file.number;
		t.regex(readFileSync(file.path, 'utf8'), /^Name:/v);
	}

	t.throws(() => fstatSync(number), {code: 'EBADF'});
});

test.serial('a second close does not close the file that got the number meanwhile', t => {
	const file = Descriptor.open('/proc/self/status', constants.O_RDONLY);
	const {number} = file;
	file.close();
	const other = openSync('/dev/null', 'r');
	t.is(other, number);
	file.close();
	t.notThrows(() => fstatSync(other));
	closeSync(other);
});

test('a closed descriptor has no number any more', t => {
	const file = Descriptor.open('/dev/null', constants.O_RDONLY);
	file.close();
	t.throws(() => file.number, {instanceOf: TypeError});
	t.throws(() => file.path, {instanceOf: TypeError});
});

test('a borrowed descriptor is an object or a number', t => {
	using file = Descriptor.open('/dev/null', constants.O_RDONLY);
	t.is(descriptorNumber(file), file.number);
	t.is(descriptorNumber(3), 3);
});

test('`await using` closes a descriptor too', async t => {
	const file = Descriptor.open('/dev/null', constants.O_RDONLY);
	await (async () => {
		await using owned = file;
		t.true(owned.number >= 0);
	})();
	t.throws(() => file.number, {instanceOf: TypeError});
});
