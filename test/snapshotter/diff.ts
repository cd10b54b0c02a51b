import {Buffer} from 'node:buffer';
import {createServer} from 'node:net';
import {once} from 'node:events';
import {
	chmodSync,
	chownSync,
	linkSync,
	mkdirSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {treeTar} from '../../snapshotter/diff.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {openStore} from '../../snapshotter/store.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {asRoot} from '../support/conditions.ts';
import {layerEntries, layerTarOf, type Change} from '../support/layer-entries.ts';
import {build} from '../support/snapshotter-contract.ts';
import {collect, readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

async function entriesOf(...changes: readonly Change[]): Promise<readonly string[]> {
	return layerEntries('overlay', ...changes);
}

const base: Change = root => {
	for (const name of ['a', 'b', 'c']) {
		mkdirSync(path.join(root, name));
		writeFileSync(path.join(root, name, 'file'), name);
	}

	writeFileSync(path.join(root, 'old'), 'old');
};

asRoot('the first layer holds everything, directories before their content, sorted by bytes', async t => {
	t.deepEqual(await entriesOf(root => {
		mkdirSync(path.join(root, 'b'));
		writeFileSync(path.join(root, 'b/x'), '');
		writeFileSync(path.join(root, 'b-'), '');
		writeFileSync(path.join(root, 'B'), '');
		writeFileSync(path.join(root, 'ä'), '');
		symlinkSync('b', path.join(root, 'a'));
		makeDeviceFile(undefined, path.join(root, 'p'), {kind: 'fifo', mode: 0o600});
		makeDeviceFile(undefined, path.join(root, 'n'), {
			kind: 'character', mode: 0o666, major: 1, minor: 3,
		});
	}), [
		'file 644 B',
		'symlink 777 a -> b',
		'directory 755 b/',
		'file 644 b/x',
		'file 644 b-',
		'character 644 n',
		'fifo 600 p',
		'file 644 ä',
	]);
});

asRoot('a layer holds what has changed, below directories that lead to it', async t => {
	t.deepEqual(await entriesOf(base, root => {
		writeFileSync(path.join(root, 'a/file'), 'other');
		rmSync(path.join(root, 'b/file'));
		chmodSync(path.join(root, 'c'), 0o700);
		writeFileSync(path.join(root, 'new'), '');
	}), ['directory 755 a/', 'file 644 a/file', 'directory 755 b/', 'file 0 b/.wh.file', 'directory 700 c/', 'file 644 new']);
});

asRoot('what is the same as before is no change', async t => {
	t.deepEqual(await entriesOf(base, root => {
		writeFileSync(path.join(root, 'a/temporary'), '');
		rmSync(path.join(root, 'a/temporary'));
		chownSync(path.join(root, 'old'), 0, 0);
		chmodSync(path.join(root, 'b'), 0o755);
	}), []);
});

asRoot('a file of whole seconds, as layers have them, is compared by its content', async t => {
	const writing = (text: string): Change => root => {
		writeFileSync(path.join(root, 'file'), text);
		utimesSync(path.join(root, 'file'), 1_500_000_000, 1_500_000_000);
	};

	t.deepEqual(await entriesOf(writing('same'), writing('same')), []);
	t.deepEqual(await entriesOf(writing('same'), writing('diff')), ['file 644 file']);
});

asRoot('a directory that was made again has an opaque mark first', async t => {
	t.deepEqual(await entriesOf(base, root => {
		rmSync(path.join(root, 'a'), {recursive: true});
		mkdirSync(path.join(root, 'a'));
		writeFileSync(path.join(root, 'a/+'), '');
	}), ['directory 755 a/', 'file 0 a/.wh..wh..opq', 'file 644 a/+']);
});

asRoot('what a step marks itself by attributes that anybody may set hides nothing', async t => {
	const entries = await entriesOf(base, root => {
		setExtendedAttribute(path.join(root, 'a'), 'user.overlay.opaque', Buffer.from('y'));
		writeFileSync(path.join(root, 'fake'), '');
		setExtendedAttribute(path.join(root, 'fake'), 'user.overlay.whiteout', Buffer.from('y'));
	});
	t.deepEqual(entries, ['file 644 fake']);
});

asRoot('new directories have no marks, and what only came and went has none', async t => {
	t.deepEqual(await entriesOf(base, root => {
		mkdirSync(path.join(root, 'new/sub'), {recursive: true});
		writeFileSync(path.join(root, 'gone'), '');
		rmSync(path.join(root, 'gone'));
	}), ['directory 755 new/', 'directory 755 new/sub/']);
});

asRoot('a directory in the place of a file, and the other way round', async t => {
	t.deepEqual(await entriesOf(base, root => {
		rmSync(path.join(root, 'old'));
		mkdirSync(path.join(root, 'old'));
		rmSync(path.join(root, 'a'), {recursive: true});
		writeFileSync(path.join(root, 'a'), '');
	}), ['file 644 a', 'directory 755 old/']);
});

asRoot('a whiteout has no owner and no time', async t => {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const first = await build(store.snapshotter, undefined, async root => base(root));
	const second = await build(store.snapshotter, first, async root => {
		rmSync(path.join(root, 'old'));
	});
	const [member] = await readMembers(await layerTarOf(store.snapshotter, second));
	t.like(member?.entry, {
		mode: 0, uid: 0, gid: 0, mtimeNanoseconds: 0n, size: 0, type: 'file',
	});
});

asRoot('further names of a file are hardlinks to the first', async t => {
	t.deepEqual(await entriesOf(root => {
		writeFileSync(path.join(root, 'b'), 'text');
		linkSync(path.join(root, 'b'), path.join(root, 'a'));
		symlinkSync('x', path.join(root, 'c'));
		linkSync(path.join(root, 'c'), path.join(root, 'd'));
	}), ['file 644 a', 'hardlink 644 b -> a', 'symlink 777 c -> x', 'hardlink 777 d -> c']);
});

asRoot('sockets are left out', async t => {
	const server = createServer();
	t.deepEqual(await entriesOf(async root => {
		server.listen(path.join(root, 's'));
		await once(server, 'listening');
	}), []);
	server.close();
});

asRoot('times are cut to seconds, labels and ACLs of the host are left out', async t => {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const id = await build(store.snapshotter, undefined, async root => {
		const file = path.join(root, 'file');
		writeFileSync(file, '');
		setExtendedAttribute(file, 'user.kept', Buffer.of(0, 255));
		setExtendedAttribute(file, 'trusted.host', Buffer.from('x'));
		utimesSync(file, 1, 1_234_567_890.987);
	});
	const [member] = await readMembers(await layerTarOf(store.snapshotter, id));
	t.like(member?.entry, {mtimeNanoseconds: 1_234_567_890_000_000_000n, xattrs: new Map([['user.kept', Buffer.of(0, 255)]])});
});

asRoot('the tar of a tree is what a view shows', async t => {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const first = await build(store.snapshotter, undefined, async root => base(root));
	const second = await build(store.snapshotter, first, async root => {
		rmSync(path.join(root, 'a'), {recursive: true});
		rmSync(path.join(root, 'old'));
	});
	using view = await store.snapshotter.view(second);
	const members = await readMembers(await collect(treeTar(view)));
	t.deepEqual(members.map(({entry}) => entry.path.toString()), ['b/', 'b/file', 'c/', 'c/file']);
});

asRoot('a directory tree deeper than a path can say is written', async t => {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const name = 'd'.repeat(200);
	const id = await build(store.snapshotter, undefined, async root => {
		const home = process.cwd();
		process.chdir(root);
		for (let depth = 0; depth < 30; depth++) {
			mkdirSync(name);
			process.chdir(name);
		}

		process.chdir(home);
	});
	const members = await readMembers(await layerTarOf(store.snapshotter, id));
	t.is(members.at(-1)?.entry.path.length, 30 * 201);
	await removeTree(path.join(temporary.path, 'snapshots'));
});
