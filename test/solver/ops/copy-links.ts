import {
	existsSync,
	lstatSync,
	lutimesSync,
	readFileSync,
	readdirSync,
	symlinkSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {writeFiles} from '../../support/write-files.ts';

test('a link that is named is followed, links inside a tree stay links', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'d/a': 'A'});
	symlinkSync('d', path.join(build.context, 'dirlink'));
	symlinkSync('/d/a', path.join(build.context, 'd/absolute'));
	symlinkSync('nowhere', path.join(build.context, 'd/dangling'));
	lutimesSync(path.join(build.context, 'd/dangling'), 1, 2);
	const snapshot = await build.change([{...plainCopy, source: '/dirlink', destination: '/x'}, {...plainCopy, source: '/d/absolute', destination: '/y/'}]);
	t.deepEqual(await build.list(snapshot), [
		'/x 0755 0:0 directory',
		'/x/a 0644 0:0 file "A"',
		'/x/absolute 0777 0:0 -> /d/a',
		'/x/dangling 0777 0:0 -> nowhere',
		'/y 0755 0:0 directory',
		'/y/absolute 0644 0:0 file "A"',
	]);
	await build.visit(snapshot, root => {
		t.is(lstatSync(path.join(root, 'x/dangling')).mtimeMs, 2000);
	});
});

test('no link in a context leads out of it', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'outside/canary': 'inside'});
	const {context, outside} = build;
	symlinkSync(outside, path.join(context, 'absolute'));
	symlinkSync('../outside', path.join(context, 'relative'));
	symlinkSync('/proc/self/root', path.join(context, 'magic'));
	symlinkSync(path.join(outside, 'canary'), path.join(context, 'file'));
	for (const source of ['/absolute/canary', '/file', '/magic/etc/passwd', '/absolute']) {
		await t.throwsAsync(build.copy({source, destination: '/x/'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
		await t.throwsAsync(build.digest({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
	}

	t.deepEqual(await build.list(await build.copy({source: '/absolute*/canary', destination: '/x'})), []);
	t.deepEqual(await build.list(await build.copy({source: '/relative/canary', destination: '/x'})), ['/x 0644 0:0 file "inside"'], '.. stops at the root');
	t.deepEqual(await build.list(await build.copy({source: '/../../outside/canary', destination: '/x'})), ['/x 0644 0:0 file "inside"']);
});

test('no link in a root leads out of it', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {canary: 'new', 'tree/canary': 'new'});
	const root = await build.snapshot(directory => {
		writeFiles(directory, {'real/': ''});
		symlinkSync(build.outside, path.join(directory, 'absolute'));
		symlinkSync(`${'../'.repeat(30)}${build.outside.slice(1)}`, path.join(directory, 'relative'));
		symlinkSync('/proc/self/cwd', path.join(directory, 'magic'));
		symlinkSync(path.join(build.outside, 'canary'), path.join(directory, 'file'));
		symlinkSync('real', path.join(directory, 'inside'));
	});
	const destinations = ['/absolute/', '/relative/canary', '/magic/canary', '/file', '/absolute/new/deep/', '/inside/'];
	const snapshot = await build.change([
		...destinations.map(destination => ({...plainCopy, source: '/canary', destination})),
		{...plainCopy, source: '/tree', destination: '/absolute'},
		{
			action: 'make-directory', path: '/relative/made', mode: 0o755,
		},
		{
			action: 'make-file', path: '/absolute/text', content: 'text', mode: 0o644,
		},
	], {root});
	t.deepEqual(readdirSync(build.outside), ['canary']);
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
	await build.visit(snapshot, directory => {
		for (const file of ['canary', 'new/deep/canary', 'made', 'text']) {
			t.true(existsSync(path.join(directory, build.outside, file)), `${file} is inside`);
		}

		t.true(existsSync(path.join(directory, 'proc/self/cwd/canary')));
		t.is(readFileSync(path.join(directory, 'real/canary'), 'utf8'), 'new');
		t.true(lstatSync(path.join(directory, 'absolute')).isSymbolicLink());
	});
});

test('a link inside a copied tree does not lead the files after it astray', async t => {
	await using build = await BuildStore.open();
	const root = await build.snapshot(directory => {
		symlinkSync(build.outside, path.join(directory, 'd'));
	});
	writeFiles(build.context, {'tree/d/canary': 'new'});
	await t.throwsAsync(build.copy({source: '/tree', destination: '/'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot copy to non-directory: /d'});
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
});

test('links without end are an error', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'A'});
	symlinkSync('loop', path.join(build.context, 'loop'));
	const root = await build.snapshot(directory => {
		symlinkSync('loop', path.join(directory, 'loop'));
	});
	await t.throwsAsync(build.copy({source: '/loop'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/loop'}, {root}), {code: 'ERR_TSBUILD_FILE'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/loop/x'}, {root}));
});

test('a file takes the place of a file or a nested link, and goes where a destination link leads', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'new', 'tree/l': 'new'});
	const root = await build.snapshot(directory => {
		writeFiles(directory, {f: 'old', 'd/target': 'old'});
		symlinkSync('target', path.join(directory, 'd/l'));
		symlinkSync('d/target', path.join(directory, 'toplink'));
		symlinkSync('d/made', path.join(directory, 'dangling'));
	});
	const snapshot = await build.change([
		{...plainCopy, source: '/a', destination: '/f'},
		{...plainCopy, source: '/tree', destination: '/d'},
		{...plainCopy, source: '/a', destination: '/dangling'},
	], {root});
	t.deepEqual(await build.list(snapshot), [
		'/d 0755 0:0 directory',
		'/d/l 0644 0:0 file "new"',
		'/d/made 0644 0:0 file "new"',
		'/d/target 0644 0:0 file "old"',
		'/dangling 0777 0:0 -> d/made',
		'/f 0644 0:0 file "new"',
		'/toplink 0777 0:0 -> d/target',
	]);
	const followed = await build.list(await build.copy({source: '/a', destination: '/toplink'}, {root}));
	t.true(followed.includes('/d/target 0644 0:0 file "new"'));
});
