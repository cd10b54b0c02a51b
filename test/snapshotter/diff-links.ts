import {once} from 'node:events';
import {
	appendFileSync,
	linkSync,
	mkdirSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import {createServer} from 'node:net';
import path from 'node:path';
import {asRoot} from '../support/conditions.ts';
import {layerEntries, type Change} from '../support/layer-entries.ts';

const twoNames: Change = root => {
	mkdirSync(path.join(root, 'd'));
	writeFileSync(path.join(root, 'd/b'), 'text');
	linkSync(path.join(root, 'd/b'), path.join(root, 'e'));
};

for (const snapshotter of ['overlay', 'native'] as const) {
	asRoot(`${snapshotter}: a name that a file of the parent gets comes with the name that it has`, async t => {
		const entries = await layerEntries(snapshotter, root => {
			mkdirSync(path.join(root, 'd'));
			writeFileSync(path.join(root, 'd/b'), 'text');
		}, root => {
			linkSync(path.join(root, 'd/b'), path.join(root, 'a'));
			linkSync(path.join(root, 'd/b'), path.join(root, 'f'));
		});
		t.deepEqual(entries, ['file 644 a', 'directory 755 d/', 'hardlink 644 d/b -> a', 'hardlink 644 f -> a']);
	});

	asRoot(`${snapshotter}: names that were there come after the new one, though they are before it in the order`, async t => {
		const entries = await layerEntries(snapshotter, root => {
			writeFileSync(path.join(root, 'a'), 'text');
		}, root => {
			linkSync(path.join(root, 'a'), path.join(root, 'b'));
		});
		t.deepEqual(entries, ['file 644 b', 'hardlink 644 a -> b']);
	});

	asRoot(`${snapshotter}: a name that is removed leaves the others alone`, async t => {
		const entries = await layerEntries(snapshotter, twoNames, root => {
			rmSync(path.join(root, 'd/b'));
		});
		t.deepEqual(entries, ['directory 755 d/', 'file 0 d/.wh.b']);
	});

	asRoot(`${snapshotter}: a socket in the place of a file hides the file`, async t => {
		const server = createServer();
		const entries = await layerEntries(snapshotter, root => {
			writeFileSync(path.join(root, 'file'), '');
		}, async root => {
			rmSync(path.join(root, 'file'));
			server.listen(path.join(root, 'file'));
			await once(server, 'listening');
		});
		server.close();
		t.deepEqual(entries, ['file 0 .wh.file']);
	});
}

asRoot('a file with two names that is written to is one file with copies, and two with overlayfs', async t => {
	const append: Change = root => {
		appendFileSync(path.join(root, 'e'), 'more');
	};

	t.deepEqual(await layerEntries('native', twoNames, append), ['directory 755 d/', 'file 644 d/b', 'hardlink 644 e -> d/b']);
	t.deepEqual(await layerEntries('overlay', twoNames, append), ['file 644 e']);
});
