import {Buffer} from 'node:buffer';
import {readdirSync} from 'node:fs';
import test, {type ExecutionContext} from 'ava';
import {digestOf} from '../src/kernel/digest.ts';
import {mediaTypes} from '../src/kernel/oci-types.ts';
import type {Platform} from '../src/kernel/platform.ts';
import {parseReference} from '../src/kernel/reference.ts';
import type {SnapshotId} from '../snapshotter/snapshotter.ts';
import {pullImage} from '../src/pull-image.ts';
import {BuildStore} from './support/build-store.ts';
import {hostileRegistry, type HostileOptions} from './support/hostile-image.ts';
import {openTestClient} from './support/registry-client.ts';
import {startScriptedRegistry, type ScriptedAnswer} from './support/scripted-registry.ts';
import {rawHeader} from './support/tar-bytes.ts';

type Json = Record<string, unknown>;

const amd64 = {os: 'linux', architecture: 'amd64'};

/** Pulls `latest`, or what `reference` makes of the repository. */
async function pull(build: BuildStore, options: HostileOptions, {platform = amd64, suffix = ':latest'}: {readonly platform?: Platform; readonly suffix?: string} = {}) {
	await using registry = await startScriptedRegistry(hostileRegistry(options));
	await using client = openTestClient({retryPolicy: {attempts: 2, firstMilliseconds: 1, maximumMilliseconds: 1}});
	const reference = parseReference(`${registry.host}/image${suffix}`);
	const pulled = await pullImage(reference, {
		store: build.store,
		client,
		platform,
		progress() {
			// Nobody looks.
		},
		signal: new AbortController().signal,
	});
	return {...pulled, requests: registry.requests};
}

/** The store has whole blobs alone, nothing half-made, and no image. */
async function assertWhole(t: ExecutionContext, {store}: BuildStore): Promise<void> {
	for await (const digest of store.content.list()) {
		await t.notThrowsAsync(store.content.readBytes(digest));
	}

	t.deepEqual(readdirSync(store.session.directory), ['lock']);
	t.is(store.metadata.statement('SELECT count(*) AS count FROM images').get()?.count, 0);
	t.is(store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 0);
}

const refuses = test.macro(async (t, options: HostileOptions, code: string, message: RegExp) => {
	await using build = await BuildStore.open();
	await t.throwsAsync(pull(build, options), {code, message});
	await assertWhole(t, build);
});

test('an image is pulled, and nothing of it a second time', async t => {
	await using build = await BuildStore.open();
	const first = await pull(build, {});
	t.true(first.isNew);
	t.is(first.requests.filter(request => request.startsWith('GET /v2/image/blobs/')).length, 2);
	const second = await pull(build, {});
	t.deepEqual(second.requests.filter(request => !request.startsWith('HEAD')), []);
});

test('what a digest names is not asked for again', async t => {
	await using build = await BuildStore.open();
	const {digest} = await pull(build, {});
	const first = await pull(build, {}, {suffix: `@${digest}`});
	t.is(first.digest, digest);
});

/** Answers one path otherwise; a pattern in place of the whole path. */
function instead(pattern: RegExp, change: (honest: ScriptedAnswer) => ScriptedAnswer): NonNullable<HostileOptions['answer']> {
	return ({path}, honest) => (pattern.test(path) ? change(honest) : honest);
}

const other = digestOf('other');

function indexOf(manifests: readonly unknown[]): string {
	return JSON.stringify({schemaVersion: 2, mediaType: mediaTypes.index, manifests});
}

test('a manifest that is not what its digest says is refused', refuses, {
	answer({path}, honest) {
		if (path.includes(other)) {
			return {headers: {'content-type': mediaTypes.manifest}, body: 'another'};
		}

		return path.endsWith('/latest') ? {...honest, headers: {...honest.headers, 'docker-content-digest': other}} : honest;
	},
}, 'ERR_TSBUILD_CONTENT', /sha256/v);
test('a config that is not what its digest says is refused', refuses, {
	manifest: manifest => ({...manifest, config: {...manifest.config as Json, digest: other}}),
	answer: instead(new RegExp(other, 'v'), () => ({body: 'x'.repeat(137)})),
}, 'ERR_TSBUILD_CONTENT', /sha256/v);
test('a layer that is not what its digest says is refused', refuses, {
	answer: instead(/\/blobs\//v, honest => (typeof honest.body === 'string' ? honest : {body: Buffer.alloc(honest.body!.length)})),
}, 'ERR_TSBUILD_CONTENT', /sha256/v);
test('a layer that is longer than its size says is refused', refuses, {
	answer: instead(/\/blobs\//v, honest => (typeof honest.body === 'string' ? honest : {body: Buffer.concat([honest.body!, Buffer.alloc(2 ** 20)])})),
}, 'ERR_TSBUILD_CONTENT', /sha256/v);
test('a size that is larger than the layer is refused', refuses, {
	manifest: manifest => ({...manifest, layers: (manifest.layers as Json[]).map(layer => ({...layer, size: 10_000}))}),
}, 'ERR_TSBUILD_CONTENT', /instead of 10000/v);
test('a size that is smaller than the layer is refused', refuses, {
	manifest: manifest => ({...manifest, layers: (manifest.layers as Json[]).map(layer => ({...layer, size: 10}))}),
}, 'ERR_TSBUILD_CONTENT', /sha256/v);
test('a config of ten gigabytes is not asked for', refuses, {
	manifest: manifest => ({...manifest, config: {...manifest.config as Json, size: 1e10}}),
}, 'ERR_TSBUILD_IMAGE', /10000000000 bytes, more than the 4194304/v);
test('a manifest without end is not read to its end', refuses, {
	root: ({mediaType}) => ({mediaType, body: JSON.stringify({schemaVersion: 2, padding: 'x'.repeat(5_000_000)})}),
}, 'ERR_TSBUILD_REGISTRY_PROTOCOL', /4194304|4 MiB|too large/v);
test('a layer that the registry may not give away is not asked for elsewhere', refuses, {
	manifest(manifest) {
		const foreign = {mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls: ['http://localhost:1/']};
		return {...manifest, layers: [{...foreign, digest: other, size: 10}]};
	},
}, 'ERR_TSBUILD_IMAGE', /may not be given away$/v);
test('a layer that does not unpack to its diff ID is refused', refuses, {
	config: config => ({...config as Json, rootfs: {type: 'layers', diff_ids: [other]}}),
}, 'ERR_TSBUILD_LAYER', /diff ID/v);
// 2^50 as GNU tar writes large sizes. https://www.gnu.org/software/tar/manual/html_node/Extensions.html
const petabyte = Buffer.from('800000000004000000000000', 'hex');

test('a layer that claims a petabyte is refused before it fills the disk', refuses, {
	layer: Buffer.concat([rawHeader({}, [{offset: 124, bytes: petabyte}]), Buffer.alloc(1_000_000)]),
}, 'ERR_TSBUILD_LAYER', /more than \d+ bytes come out of it/v);
test('a layer that is no archive is refused', refuses, {layer: Buffer.from('no archive at all')}, 'ERR_TSBUILD_LAYER', /failed to unpack layer/v);
test('a digest that is a path is refused before anything is asked', refuses, {
	manifest: manifest => ({...manifest, layers: [{mediaType: mediaTypes.layer, digest: 'sha256:../../../../etc/passwd', size: 5}]}),
}, 'ERR_TSBUILD_INVALID_DIGEST', /etc\/passwd/v);
test('a digest header that is a path is refused', refuses, {
	answer: instead(/\/manifests\/latest$/v, honest => ({...honest, headers: {...honest.headers, 'docker-content-digest': 'sha256:../../../../etc/passwd'}})),
}, 'ERR_TSBUILD_INVALID_DIGEST', /etc\/passwd/v);
test('a media type that is a path is no manifest', refuses, {
	root: manifest => ({mediaType: '../../x', body: JSON.stringify({...manifest})}),
}, 'ERR_TSBUILD_IMAGE', /schema version|media type/v);
test('indexes in indexes are followed a few levels deep', refuses, {
	root(manifest, add) {
		let body = indexOf([manifest]);
		for (let level = 0; level < 10; level++) {
			body = indexOf([add(mediaTypes.index, body)]);
		}

		return {mediaType: mediaTypes.index, body};
	},
}, 'ERR_TSBUILD_IMAGE', /nested more than 4 deep/v);
test('an index that names what is not there ends', refuses, {
	root: manifest => ({mediaType: mediaTypes.index, body: indexOf([{...manifest, digest: other}])}),
}, 'ERR_TSBUILD_REGISTRY_NOT_FOUND', /not found/v);
test('an index of other platforms is refused, and says which', refuses, {
	root: manifest => ({mediaType: mediaTypes.index, body: indexOf([{...manifest, platform: {os: 'linux', architecture: 's390x'}}])}),
}, 'ERR_TSBUILD_IMAGE_NOT_FOUND', /^no match for platform in manifest: not found$/v);
test('a chart is no image', refuses, {
	manifest: manifest => ({...manifest, config: {...manifest.config as Json, mediaType: 'application/vnd.cncf.helm.config.v1+json'}}),
}, 'ERR_TSBUILD_IMAGE', /helm/v);
test('a manifest of schema 1 is refused by its name', refuses, {
	root: () => ({mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws', body: JSON.stringify({schemaVersion: 1, name: 'image', fsLayers: []})}),
}, 'ERR_TSBUILD_IMAGE', /schema 1 is not supported/v);
test('what is no JSON is refused', refuses, {root: ({mediaType}) => ({mediaType, body: 'not json'})}, 'ERR_TSBUILD_IMAGE', /JSON/v);

test('an image may have the same layer many times, which is downloaded once', async t => {
	await using build = await BuildStore.open();
	const repeat = (list: unknown) => Array.from({length: 100}, () => (list as readonly unknown[])[0]);
	const {requests} = await pull(build, {
		manifest: manifest => ({...manifest, layers: repeat(manifest.layers)}),
		config: config => ({...config, rootfs: {type: 'layers', diff_ids: repeat((config.rootfs as Json).diff_ids)}}),
	});
	t.is(requests.filter(request => request.startsWith('GET /v2/image/blobs/')).length, 2);
	t.is(build.store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 100);
});

test('a config may be as large as registries take it', async t => {
	await using build = await BuildStore.open();
	const {isNew} = await pull(build, {
		config: config => ({...config, config: {Env: Array.from({length: 100_000}, (_, index) => `VARIABLE_${index}=some text`)}}),
	});
	t.true(isNew);
});

test('the image of the platform is taken out of an index, and out of one that that names', async t => {
	await using build = await BuildStore.open();
	const options: HostileOptions = {
		root(manifest, add) {
			const inner = add(mediaTypes.index, indexOf([{...manifest, digest: other, platform: {os: 'linux', architecture: 'arm64'}}, {...manifest, platform: amd64}]));
			return {mediaType: mediaTypes.dockerIndex, body: JSON.stringify({...JSON.parse(indexOf([inner])) as Json, mediaType: mediaTypes.dockerIndex})};
		},
	};
	const {digest} = await pull(build, options);
	const image = build.store.metadata.statement('SELECT manifest_digest AS manifest FROM images').get();
	t.not(image?.manifest, digest);
	const {id} = build.store.metadata.statement('SELECT max(id) AS id FROM snapshots').get()!;
	t.deepEqual(await build.list(id as SnapshotId), ['/file 0644 0:0 file "hello"']);
});
