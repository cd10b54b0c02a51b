import {Buffer} from 'node:buffer';
import {constants, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {O_NOFOLLOW, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {
	getExtendedAttribute,
	listExtendedAttributes,
	removeExtendedAttribute,
	setExtendedAttribute,
} from '../../src/linux/extended-attributes.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

test('attributes are set, listed, read and removed, byte by byte', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = join(directory.path, 'file');
	writeFileSync(file, '');
	// The capability cap_setuid, whose bytes are not UTF-8.
	const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
	setExtendedAttribute(file, 'security.capability', capability);
	setExtendedAttribute(file, 'user.b', Buffer.from([0, 0xFF, 0]));
	setExtendedAttribute(file, 'user.a', Buffer.alloc(0));
	t.deepEqual(listExtendedAttributes(file), ['security.capability', 'user.a', 'user.b']);
	t.deepEqual(getExtendedAttribute(file, 'security.capability'), capability);
	t.deepEqual(getExtendedAttribute(file, 'user.b'), Buffer.from([0, 0xFF, 0]));
	t.deepEqual(getExtendedAttribute(file, 'user.a'), Buffer.alloc(0));
	removeExtendedAttribute(file, 'user.b');
	removeExtendedAttribute(file, 'user.b');
	t.is(getExtendedAttribute(file, 'user.b'), undefined);
});

test('the attributes of a link are its own', async t => {
	await using directory = await makeTemporaryDirectory();
	const link = join(directory.path, 'link');
	writeFileSync(join(directory.path, 'file'), '');
	symlinkSync('file', link);
	setExtendedAttribute(link, 'trusted.own', Buffer.from('x'));
	t.deepEqual(listExtendedAttributes(link), ['trusted.own']);
	t.deepEqual(listExtendedAttributes(join(directory.path, 'file')), []);
});

test('a descriptor stands for its file, also one opened by O_PATH on a link', async t => {
	await using directory = await makeTemporaryDirectory();
	const path = join(directory.path, 'file');
	writeFileSync(path, '');
	symlinkSync('file', join(directory.path, 'link'));
	using file = Descriptor.open(path, constants.O_RDONLY);
	using link = openFile(undefined, join(directory.path, 'link'), {flags: O_PATH | O_NOFOLLOW});
	setExtendedAttribute(file, 'trusted.a', Buffer.from('file'));
	setExtendedAttribute(link, 'trusted.a', Buffer.from('link'));
	t.is(getExtendedAttribute(file, 'trusted.a')?.toString(), 'file');
	t.is(getExtendedAttribute(link, 'trusted.a')?.toString(), 'link');
	removeExtendedAttribute(link, 'trusted.a');
	t.deepEqual(listExtendedAttributes(link), []);
	t.deepEqual(listExtendedAttributes(file), ['trusted.a']);
});

test('where there are no attributes, none are found, and none can be set', t => {
	t.is(getExtendedAttribute('/proc/self/status', 'user.a'), undefined);
	t.deepEqual(listExtendedAttributes('/proc/self/status'), []);
	t.notThrows(() => {
		removeExtendedAttribute('/proc/self/status', 'user.a');
	});
	t.throws(() => {
		setExtendedAttribute('/proc/self/status', 'user.a', Buffer.from('x'));
	}, {code: 'ENOTSUP', message: 'failed to set extended attribute user.a of /proc/self/status: ENOTSUP'});
});

test('a missing file is an error', t => {
	for (const call of [() => listExtendedAttributes('/none'), () => getExtendedAttribute('/none', 'user.a')]) {
		t.throws(call, {code: 'ENOENT'});
	}
});
