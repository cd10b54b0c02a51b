import {execFileSync} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import type {ImageIndex, ImageManifest} from '../../src/kernel/oci-types.ts';
import {asRoot} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';

const dockerfile = `
FROM base AS made
RUN mkdir -p /made/kept /made/removed && echo text > /made/kept/file && ln /made/kept/file /made/link && chmod 4755 /made/link && touch /made/removed/file
RUN rm -r /made/removed && mkdir /made/removed && echo more > /made/more && ln /made/more /made/again
FROM base
COPY --from=made /made /copied
COPY file /
RUN --mount=type=bind,from=made,target=/mnt cat /mnt/made/kept/file /file > /sum && rm -r /home && chmod 700 /tmp
`;

/** The files of each layer of an archive, without their times. */
function listLayers(archive: string): readonly string[] {
	const read = (name: string) => execFileSync('tar', ['-xOf', archive, name], {maxBuffer: 2 ** 26});
	const readBlob = (digest: string) => read(`blobs/${digest.replace(':', '/')}`);
	const index = JSON.parse(read('index.json').toString()) as ImageIndex;
	const manifest = JSON.parse(readBlob(index.manifests[0]!.digest).toString()) as ImageManifest;
	return manifest.layers.map(({digest}) => {
		const listing = execFileSync('tar', ['-tvz', '--numeric-owner', '--full-time'], {input: readBlob(digest), encoding: 'utf8'});
		return listing.replaceAll(/ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d /gv, ' ');
	});
}

test('an image that is built on copies has the layers of one that is built on overlays', async t => {
	const layers: Record<string, readonly string[]> = {};
	for (const snapshotter of ['overlay', 'native']) {
		await using project = await makeProject({Dockerfile: dockerfile, file: 'of the context\n'});
		const archive = path.join(project.directory, 'image.tar');
		const built = await project.buildIn({TSBUILD_SNAPSHOTTER: snapshotter}, '-t', 'app:1', '-o', `type=oci,dest=${archive}`);
		t.is(built.exitCode, 0, built.stderr);
		t.notRegex(built.stderr, /WARNING: each step copies/v, 'it was wanted so');
		layers[snapshotter] = listLayers(archive);
		const again = await project.build('-t', 'app:1');
		t.is(again.stderr.match(/^#\d+ CACHED$/gmv)?.length, 6, again.stderr);
	}

	t.deepEqual(layers.native, layers.overlay);
});

asRoot('a store on an overlay says that each step is copied, and builds', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, file: 'of the context\n'});
	const [node, main] = [process.execPath, path.join(import.meta.dirname, '../../src/main.ts')];
	const output = execFileSync('unshare', ['--mount', 'sh', '-ec', `
		mkdir lower upper work merged
		mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
		exec "$@" 2>&1
	`, 'sh', node, main, 'build', '--root', 'merged/store', '--progress', 'plain', '--build-context', `base=oci-layout://${project.base}`, '-t', 'app:1', project.context], {cwd: project.directory, env: {...process.env, TSBUILD_SNAPSHOTTER: ''}, encoding: 'utf8'});
	t.regex(output, /^WARNING: each step copies the files of the one before, because overlayfs does not work in .+\/merged\/store: failed to .+$/mv);
	t.regex(output, /naming to docker\.io\/library\/app:1 done/v);
});
