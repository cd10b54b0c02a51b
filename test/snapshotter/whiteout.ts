import {Buffer} from 'node:buffer';
import {lstatSync, mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
	isOverlayAttribute,
	isOverlayOpaque,
	isOverlayWhiteout,
	makeOverlayWhiteout,
	markOverlayOpaque,
	parseLayerName,
	whiteoutName,
	type LayerName,
} from '../../snapshotter/whiteout.ts';
import {O_DIRECTORY, O_RDONLY} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {listExtendedAttributes, setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {asRoot} from '../support/conditions.ts';

const means = test.macro({
	exec(t, name: string, expected: LayerName) {
		t.deepEqual(parseLayerName(Buffer.from(name)), expected);
	},
	title: (_title, name: string, {kind}: LayerName) => `the name ${JSON.stringify(name)} means: ${kind}`,
});

test(means, 'file', {kind: 'file'});
test(means, '.wh', {kind: 'file'});
test(means, 'a.wh.b', {kind: 'file'});
test(means, '.wh.file', {kind: 'whiteout', hidden: Buffer.from('file')});
test(means, '.wh....', {kind: 'whiteout', hidden: Buffer.from('...')});
test(means, '.wh..wh..opq', {kind: 'opaque'});
test(means, '.wh..wh.plnk', {kind: 'ignored'});
test(means, '.wh.', {kind: 'invalid'});
test(means, '.wh..', {kind: 'invalid'});
test(means, '.wh...', {kind: 'invalid'});

test('the name of a whiteout keeps the bytes of what it hides', t => {
	const name = Buffer.of(0xFF, 0xFE);
	t.deepEqual(parseLayerName(whiteoutName(name)), {kind: 'whiteout', hidden: name});
});

test('attributes of overlayfs are known', t => {
	t.deepEqual(['trusted.overlay.opaque', 'user.overlay.redirect', 'trusted.overlay.overlay.x', 'user.overlay', 'user.x', 'security.capability'].filter(name => isOverlayAttribute(name)), [
		'trusted.overlay.opaque',
		'user.overlay.redirect',
		'trusted.overlay.overlay.x',
	]);
});

asRoot('both forms of a whiteout are known', async t => {
	await using directory = await makeTemporaryDirectory();
	using descriptor = Descriptor.open(directory.path, O_RDONLY | O_DIRECTORY);
	const isWhiteout = (name: string) => {
		const file = path.join(directory.path, name);
		return isOverlayWhiteout(lstatSync(file, {bigint: true}), () => listExtendedAttributes(file));
	};

	makeOverlayWhiteout(descriptor, Buffer.from('device'));
	for (const name of ['attribute', 'not-empty', 'plain']) {
		writeFileSync(path.join(directory.path, name), name === 'not-empty' ? 'x' : '');
	}

	setExtendedAttribute(path.join(directory.path, 'attribute'), 'trusted.overlay.whiteout', Buffer.from('y'));
	setExtendedAttribute(path.join(directory.path, 'not-empty'), 'trusted.overlay.whiteout', Buffer.from('y'));
	t.deepEqual(['device', 'attribute', 'not-empty', 'plain'].map(name => isWhiteout(name)), [true, true, false, false]);
});

for (const attributes of ['trusted', 'user'] as const) {
	asRoot(`a directory is made opaque by an attribute of the kind ${attributes}`, async t => {
		await using directory = await makeTemporaryDirectory();
		mkdirSync(path.join(directory.path, 'a'));
		using descriptor = Descriptor.open(path.join(directory.path, 'a'), O_RDONLY | O_DIRECTORY);
		t.false(isOverlayOpaque(descriptor, attributes));
		markOverlayOpaque(descriptor, attributes);
		t.true(isOverlayOpaque(descriptor, attributes));
		t.false(isOverlayOpaque(descriptor, attributes === 'user' ? 'trusted' : 'user'));
	});
}

asRoot('a directory in which whiteouts are attributes is not opaque', async t => {
	await using directory = await makeTemporaryDirectory();
	using descriptor = Descriptor.open(directory.path, O_RDONLY | O_DIRECTORY);
	setExtendedAttribute(descriptor, 'trusted.overlay.opaque', Buffer.from('x'));
	t.false(isOverlayOpaque(descriptor));
});
