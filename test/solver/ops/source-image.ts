import {Buffer} from 'node:buffer';
import {readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
	digestOf,
	parseDigest,
	splitDigest,
	type Digest,
} from '../../../src/kernel/digest.ts';
import {
	mediaTypes,
	type Descriptor,
	type ImageConfig,
	type ImageManifest,
} from '../../../src/kernel/oci-types.ts';
import {openLayout, type ContentStore} from '../../../snapshotter/content-store.ts';
import {makeTemporaryBaseImage} from '../../support/base-image.ts';
import {BuildStore} from '../../support/build-store.ts';
import {BuildSteps, solveBuild} from '../../support/build-steps.ts';
import {rawHeader} from '../../support/tar-bytes.ts';

type ChangedImage = {
	readonly config?: (config: ImageConfig) => unknown;
	readonly manifest?: (manifest: ImageManifest) => unknown;
};

/** Writes another image into a layout, made from the one that is there. */
async function change(layout: ContentStore, manifestDigest: string, {config = same, manifest = same}: ChangedImage): Promise<Digest> {
	const original = await readJson<ImageManifest>(layout, parseDigest(manifestDigest));
	const configDescriptor = await writeJson(layout, config(await readJson<ImageConfig>(layout, original.config.digest)), original.config.mediaType);
	const {digest} = await writeJson(layout, manifest({...original, config: configDescriptor}), original.mediaType);
	return digest;
}

function same(value: unknown): unknown {
	return value;
}

async function readJson<Value>(layout: ContentStore, digest: Digest): Promise<Value> {
	return JSON.parse(Buffer.from(await layout.readBytes(digest)).toString()) as Value;
}

async function writeJson(layout: ContentStore, value: unknown, mediaType: string): Promise<Descriptor> {
	return {mediaType, ...await layout.write(Buffer.from(JSON.stringify(value)))};
}

test('an image becomes its files, and its layers are kept', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const steps = new BuildSteps();
	const {snapshot} = await solveBuild(build, steps.finish(steps.from(base)));
	const names = await build.list(snapshot);
	t.true(names.some(name => name.startsWith('/bin/busybox 0755 0:0 file')));
	const {layers} = await readJson<ImageManifest>(await openLayout(base.directory), parseDigest(base.manifestDigest));
	t.true(await build.store.content.has(layers[0]!.digest));
});

test('the same layers under another manifest are the same', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const layout = await openLayout(base.directory);
	const other = await change(layout, base.manifestDigest, {config: config => ({...config, config: {...config.config, Env: ['NEW=1']}})});
	t.not(other, base.manifestDigest);
	const built = async (manifestDigest: string) => {
		const steps = new BuildSteps();
		const from = steps.from({directory: base.directory, manifestDigest});
		return solveBuild(build, steps.finish(steps.run(from, 'true')));
	};

	await built(base.manifestDigest);
	const {cached} = await built(other);
	t.deepEqual(cached, ['FROM', 'RUN true']);
});

const refuses = test.macro(async (t, changes: ChangedImage, pattern: RegExp) => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const manifestDigest = await change(await openLayout(base.directory), base.manifestDigest, changes);
	const steps = new BuildSteps();
	const definition = steps.finish(steps.from({directory: base.directory, manifestDigest}));
	await t.throwsAsync(solveBuild(build, definition), {message: pattern});
	t.is(build.store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 0);
	t.is(build.store.metadata.statement('SELECT count(*) AS count FROM cache_records').get()?.count, 0);
});

test('refuses an image whose config has too few diff ids', refuses, {config: config => ({...config, rootfs: {type: 'layers', diff_ids: []}})}, /1 layers and 0 diff ids/v);
test('refuses a layer that is not what its diff id says', refuses, {
	config: config => ({...config, rootfs: {type: 'layers', diff_ids: [digestOf('other')]}}),
}, /sha256/v);
test('refuses a layer that is longer than its descriptor says', refuses, {
	manifest: manifest => ({...manifest, layers: manifest.layers.map(layer => ({...layer, size: 10}))}),
}, /10/v);
test('refuses a layer that is not there', refuses, {
	manifest: manifest => ({...manifest, layers: [{mediaType: mediaTypes.layer, digest: digestOf('missing'), size: 7}]}),
}, /sha256/v);
test('refuses an index in the place of a manifest', refuses, {
	manifest: ({layers}) => ({schemaVersion: 2, mediaType: mediaTypes.index, manifests: layers}),
}, /its manifest is an index/v);
test('refuses what is no manifest', refuses, {manifest: () => []}, /manifest/v);

test('refuses a blob that was changed', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {layers} = await readJson<ImageManifest>(await openLayout(base.directory), parseDigest(base.manifestDigest));
	writeFileSync(path.join(base.directory, 'blobs/sha256', splitDigest(layers[0]!.digest).hex), Buffer.alloc(layers[0]!.size));
	const steps = new BuildSteps();
	const definition = steps.finish(steps.from(base));
	await t.throwsAsync(solveBuild(build, definition), {message: /digest/v});
	t.false(await build.store.content.has(layers[0]!.digest));
});

test('an image without layers is the empty file system', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const manifestDigest = await change(await openLayout(base.directory), base.manifestDigest, {
		config: config => ({...config, rootfs: {type: 'layers', diff_ids: []}}),
		manifest: manifest => ({...manifest, layers: []}),
	});
	const steps = new BuildSteps();
	const definition = steps.finish(steps.from({directory: base.directory, manifestDigest}));
	const first = await solveBuild(build, definition);
	t.is(first.snapshot, null);
	const second = await solveBuild(build, definition);
	t.deepEqual(second.cached, ['FROM']);
});

/** Puts layers, each an archive of one empty file with the given name, on the base image. */
async function addLayers(layout: ContentStore, manifestDigest: string, names: readonly string[]) {
	const layers = await Promise.all(names.map(async name => {
		const archive = Buffer.concat([rawHeader({name: Buffer.from(name)}), Buffer.alloc(1024)]);
		return {mediaType: mediaTypes.layer, ...await layout.write(archive)};
	}));
	const changed = await change(layout, manifestDigest, {
		config: config => ({...config, rootfs: {type: 'layers', diff_ids: [...config.rootfs.diff_ids!, ...layers.map(({digest}) => digest)]}}),
		manifest: manifest => ({...manifest, layers: [...manifest.layers, ...layers]}),
	});
	return {layers, manifestDigest: changed};
}

function namesOf(count: number): readonly string[] {
	return Array.from({length: count}, (_, index) => `layer-${index}`);
}

test('the files of thirty layers are all there', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {manifestDigest, layers} = await addLayers(await openLayout(base.directory), base.manifestDigest, namesOf(30));
	const steps = new BuildSteps();
	const {snapshot} = await solveBuild(build, steps.finish(steps.from({directory: base.directory, manifestDigest})));
	const names = await build.list(snapshot);
	t.is(names.filter(name => name.startsWith('/layer-')).length, 30);
	t.true(await build.store.content.has(layers.at(-1)!.digest));
});

test('the same layer three times in an image is taken in once', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {manifestDigest} = await addLayers(await openLayout(base.directory), base.manifestDigest, ['same', 'same', 'other', 'same']);
	const steps = new BuildSteps();
	const {snapshot} = await solveBuild(build, steps.finish(steps.from({directory: base.directory, manifestDigest})));
	t.is(build.store.snapshotter.chain(snapshot!).length, 5);
});

test('an image whose last layer is damaged leaves only whole blobs, and no file on its way', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {manifestDigest, layers} = await addLayers(await openLayout(base.directory), base.manifestDigest, namesOf(8));
	const {digest: damaged, size} = layers.at(-1)!;
	writeFileSync(path.join(base.directory, 'blobs/sha256', splitDigest(damaged).hex), Buffer.alloc(size));
	const steps = new BuildSteps();
	const definition = steps.finish(steps.from({directory: base.directory, manifestDigest}));
	await t.throwsAsync(solveBuild(build, definition), {message: /its bytes have the digest/v});
	const {content, session} = build.store;
	t.false(await content.has(damaged));
	for await (const digest of content.list()) {
		await t.notThrowsAsync(content.readBytes(digest));
	}

	t.deepEqual(readdirSync(session.directory), ['lock']);
});

test('layers that are on their way are given up when the first is damaged', async t => {
	await using build = await BuildStore.open();
	await using base = await makeTemporaryBaseImage();
	const {manifestDigest} = await addLayers(await openLayout(base.directory), base.manifestDigest, namesOf(60));
	const {layers} = await readJson<ImageManifest>(await openLayout(base.directory), parseDigest(base.manifestDigest));
	const {digest: first, size} = layers[0]!;
	writeFileSync(path.join(base.directory, 'blobs/sha256', splitDigest(first).hex), Buffer.alloc(size));
	const steps = new BuildSteps();
	const definition = steps.finish(steps.from({directory: base.directory, manifestDigest}));
	await t.throwsAsync(solveBuild(build, definition), {message: /its bytes have the digest/v});
	t.is(build.store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 0);
	t.deepEqual(readdirSync(build.store.session.directory), ['lock']);
});
