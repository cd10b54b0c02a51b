import {Buffer} from 'node:buffer';
import {rm} from 'node:fs/promises';
import path from 'node:path';
import type {ImageIndex} from '../../src/kernel/oci-types.ts';
import {ImageStore} from '../../src/exporter/image-store.ts';
import {openLocalStore} from '../../src/local-store.ts';
import {asRoot} from '../support/conditions.ts';
import {findStoreFaults} from '../support/check-whole.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

function namesIn({manifests}: ImageIndex): ReadonlyArray<string | undefined> {
	return manifests.map(({annotations}) => annotations?.['io.containerd.image.name']);
}

asRoot('a name that was not written into index.json, because the user had enough, is in it after the next command, and in one that is made anew', async t => {
	await using directory = await makeTemporaryDirectory();
	{
		await using store = await openLocalStore(directory.path);
		const {content} = store;
		const config = JSON.stringify({architecture: 'amd64', os: 'linux', rootfs: {type: 'layers', diff_ids: []}});
		const {digest: configDigest, size} = await content.write(Buffer.from(config));
		const manifest = JSON.stringify({
			schemaVersion: 2,
			mediaType: 'application/vnd.oci.image.manifest.v1+json',
			config: {mediaType: 'application/vnd.oci.image.config.v1+json', digest: configDigest, size},
			layers: [],
		});
		const {digest: manifestDigest} = await content.write(Buffer.from(manifest));
		const reason = new Error('enough');
		await t.throwsAsync(new ImageStore(store).add({configDigest, manifestDigest}, ['docker.io/library/app:1'], AbortSignal.abort(reason)), {is: reason});
		t.deepEqual(namesIn(await content.readIndex()), []);
	}

	{
		await using store = await openLocalStore(directory.path);
		t.deepEqual(namesIn(await store.content.readIndex()), ['docker.io/library/app:1']);
		await rm(path.join(store.content.directory, 'index.json'));
		await new ImageStore(store).updateIndex();
		t.deepEqual(namesIn(await store.content.readIndex()), ['docker.io/library/app:1']);
	}

	t.deepEqual(await findStoreFaults(directory.path), []);
});
