import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
	mkdir,
	readFile,
	rm,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {resolveLayoutImage} from '../../src/image-resolver/layout-image.ts';
import type {Platform} from '../../src/kernel/platform.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const platform = {os: 'linux', architecture: 'amd64'};
const layer = {mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${'a'.repeat(64)}`, size: 3};

type Json = Record<string, unknown>;

/** The documents of an image, before they are written. */
type Documents = {
	readonly config: Json;
	readonly manifest: Json;
	readonly index: Json;
};

type Change = (documents: Documents) => Partial<Documents>;

type ResolveOptions = {
	readonly changeFiles?: (directory: string) => Promise<void>;
	readonly wanted?: Platform;
};

/** Writes a layout of one image with one layer, which nobody reads, and resolves it. */
async function resolveChanged(change: Change, {changeFiles, wanted = platform}: ResolveOptions = {}) {
	await using directory = await makeTemporaryDirectory();
	const blobs = path.join(directory.path, 'blobs/sha256');
	await mkdir(blobs, {recursive: true});
	await writeFile(path.join(directory.path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
	const write = async (document: Json, mediaType: string) => {
		const bytes = JSON.stringify(document);
		const hex = createHash('sha256').update(bytes).digest('hex');
		await writeFile(path.join(blobs, hex), bytes);
		return {mediaType, digest: `sha256:${hex}`, size: bytes.length};
	};

	const config: Json = {...platform, rootfs: {type: 'layers', diff_ids: [layer.digest]}};
	const empty = {config, manifest: {}, index: {}};
	const configDescriptor = await write({...config, ...change(empty).config}, 'application/vnd.oci.image.config.v1+json');
	const manifest = {
		schemaVersion: 2,
		mediaType: 'application/vnd.oci.image.manifest.v1+json',
		config: configDescriptor,
		layers: [layer],
	};
	const manifestDescriptor = await write({...manifest, ...change({...empty, manifest}).manifest}, manifest.mediaType);
	const index = {schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [manifestDescriptor]};
	await writeFile(path.join(directory.path, 'index.json'), JSON.stringify({...index, ...change({...empty, index}).index}));
	await changeFiles?.(directory.path);
	return await resolveLayoutImage({name: 'base', directory: directory.path}, wanted);
}

const refuses = test.macro(async (t, code: string, message: RegExp, change: Change) => {
	await t.throwsAsync(resolveChanged(change), {code, message});
});

test('an image is found', async t => {
	const {reference, config} = await resolveChanged(() => ({}));
	t.is(reference, 'docker.io/library/base:latest');
	t.deepEqual(config.rootfs.diff_ids as unknown, [layer.digest]);
});

test('a manifest that does not say what it is is found', async t => {
	const {config} = await resolveChanged(() => ({manifest: {mediaType: undefined}}));
	t.is(config.os, 'linux');
});

test('a config that hides the layers of the manifest is refused', refuses, 'ERR_TSBUILD_IMAGE', /it has 0 diff ids for 1 layers/v, () => ({config: {rootfs: {type: 'layers', diff_ids: []}}}));
test('a config with more layers than the manifest is refused', refuses, 'ERR_TSBUILD_IMAGE', /it has 1 diff ids for 0 layers/v, () => ({manifest: {layers: []}}));
test('a diff id that is a path is refused', refuses, 'ERR_TSBUILD_INVALID_DIGEST', /etc\/passwd/v, () => ({config: {rootfs: {type: 'layers', diff_ids: ['sha256:../../etc/passwd']}}}));
// CVE-2024-3727
test('a path as config digest is refused', refuses, 'ERR_TSBUILD_INVALID_DIGEST', /etc\/passwd/v, ({manifest}) => ({
	manifest: {config: {...manifest.config as Json, digest: 'sha256:../../../etc/passwd'}},
}));
test('a layer digest that is a path is refused', refuses, 'ERR_TSBUILD_INVALID_DIGEST', /etc\/passwd/v, () => ({manifest: {layers: [{...layer, digest: '../../../etc/passwd'}]}}));
test('a negative size is refused', refuses, 'ERR_TSBUILD_IMAGE', /no descriptor/v, () => ({manifest: {layers: [{...layer, size: -1}]}}));
test('an environment that is no list of texts is refused', refuses, 'ERR_TSBUILD_IMAGE', /Env has an unexpected type/v, () => ({config: {config: {Env: [1]}}}));

/** A value of arrays in arrays. */
function nested(depth: number): unknown {
	let value: unknown = [];
	for (let level = 1; level < depth; level++) {
		value = [value];
	}

	return value;
}

test('a config that is nested without end is refused', refuses, 'ERR_TSBUILD_IMAGE', /nested more than 100 deep/v, () => ({config: {unknown: nested(2000)}}));
test('a config larger than any registry takes is refused', refuses, 'ERR_TSBUILD_CONTENT', /more than the 4194304 that are taken/v, () => ({config: {unknown: 'x'.repeat(5_000_000)}}));
test('a variant that is no text is refused', refuses, 'ERR_TSBUILD_IMAGE', /variant has an unexpected type/v, () => ({config: {variant: {toString: 1}}}));
test('a label that is no text is refused', refuses, 'ERR_TSBUILD_IMAGE', /Labels has an unexpected type/v, () => ({config: {config: {Labels: {a: -1}}}}));
test('a config that is no object is refused', refuses, 'ERR_TSBUILD_IMAGE', /config is no object/v, () => ({config: {config: [-1]}}));
test('a fraction as size is refused', refuses, 'ERR_TSBUILD_IMAGE', /no descriptor/v, () => ({manifest: {layers: [{...layer, size: 0.5}]}}));
test('a size that no number can tell exactly is refused', refuses, 'ERR_TSBUILD_IMAGE', /no descriptor/v, () => ({manifest: {layers: [{...layer, size: 2 ** 60}]}}));
test('a digest of an unknown algorithm is refused', refuses, 'ERR_TSBUILD_INVALID_DIGEST', /md5/v, () => ({manifest: {layers: [{...layer, digest: `md5:${'a'.repeat(32)}`}]}}));
test('a manifest of another kind of thing is refused', refuses, 'ERR_TSBUILD_IMAGE', /media type "application\/x-cat"/v, () => ({manifest: {mediaType: 'application/x-cat'}}));
test('a manifest that is an index as well is refused', refuses, 'ERR_TSBUILD_IMAGE', /both a manifest and an index/v, () => ({manifest: {manifests: []}}));
test('a config of another kind of thing is refused', refuses, 'ERR_TSBUILD_IMAGE', /media type "application\/vnd\.cncf\.helm\.config\.v1\+json" is not one of an image/v, ({manifest}) => ({
	manifest: {config: {...manifest.config as Json, mediaType: 'application/vnd.cncf.helm.config.v1+json'}},
}));
test('more layers than can be mounted are refused', refuses, 'ERR_TSBUILD_IMAGE', /has 501 layers, more than the 500/v, () => ({manifest: {layers: Array.from({length: 501}, () => layer)}}));
test('a size of a config that is not its own is refused', refuses, 'ERR_TSBUILD_CONTENT', /instead of 7/v, ({manifest}) => ({manifest: {config: {...manifest.config as Json, size: 7}}}));
test('a manifest of schema 1 is refused by its name', refuses, 'ERR_TSBUILD_IMAGE', /schema 1 is not supported/v, () => ({manifest: {schemaVersion: 1}}));

test('a hundred thousand variables are still an image', async t => {
	const {config} = await resolveChanged(() => ({config: {config: {Env: Array.from({length: 100_000}, (_, index) => `V${index}=${index}`)}}}));
	t.is(config.config.Env?.length, 100_000);
});

/** Hides the image in `depth` indexes, one in the other. */
async function wrapInIndexes(directory: string, depth: number): Promise<void> {
	const file = path.join(directory, 'index.json');
	const index = JSON.parse(await readFile(file, 'utf8')) as Json;
	let entry = index.manifests;
	for (let level = 0; level < depth; level++) {
		const bytes = JSON.stringify({...index, manifests: entry});
		const hex = createHash('sha256').update(bytes).digest('hex');
		await writeFile(path.join(directory, 'blobs/sha256', hex), bytes);
		entry = [{mediaType: index.mediaType, digest: `sha256:${hex}`, size: bytes.length}];
	}

	await writeFile(file, JSON.stringify({...index, manifests: entry}));
}

test('an index in an index is looked into', async t => {
	const {reference} = await resolveChanged(() => ({}), {changeFiles: async directory => wrapInIndexes(directory, 2)});
	t.is(reference, 'docker.io/library/base:latest');
});

test('indexes in indexes are looked into a few levels deep', async t => {
	await t.throwsAsync(resolveChanged(() => ({}), {changeFiles: async directory => wrapInIndexes(directory, 30)}), {code: 'ERR_TSBUILD_IMAGE', message: /nested more than 4 deep/v});
});

const chooses = test.macro(async (t, wanted: Platform, offered: readonly Platform[], expected: Platform) => {
	const {config} = await resolveOffered(wanted, offered);
	t.like(config, expected);
});

const matchesNone = test.macro(async (t, wanted: Platform, offered: readonly Platform[]) => {
	await t.throwsAsync(resolveOffered(wanted, offered), {code: 'ERR_TSBUILD_IMAGE_NOT_FOUND', message: /^no match for platform in manifest: /v});
});

/** Resolves an image of an index that offers one image for each platform. */
async function resolveOffered(wanted: Platform, offered: readonly Platform[]) {
	return resolveChanged(() => ({}), {
		wanted,
		async changeFiles(directory) {
			const write = async (document: unknown, mediaType: string) => {
				const bytes = JSON.stringify(document);
				const hex = createHash('sha256').update(bytes).digest('hex');
				await writeFile(path.join(directory, 'blobs/sha256', hex), bytes);
				return {mediaType, digest: `sha256:${hex}`, size: bytes.length};
			};

			const manifests = await Promise.all(offered.map(async entry => {
				const config = await write({...entry, rootfs: {type: 'layers', diff_ids: []}}, 'application/vnd.oci.image.config.v1+json');
				const mediaType = 'application/vnd.oci.image.manifest.v1+json';
				const manifest = await write({
					schemaVersion: 2, mediaType, config, layers: [],
				}, mediaType);
				return {...manifest, platform: entry};
			}));
			const mediaType = 'application/vnd.oci.image.index.v1+json';
			const index = await write({schemaVersion: 2, mediaType, manifests}, mediaType);
			await writeFile(path.join(directory, 'index.json'), JSON.stringify({schemaVersion: 2, mediaType, manifests: [index]}));
		},
	});
}

const linux = (architecture: string, variant?: string): Platform => ({os: 'linux', architecture, ...(variant !== undefined && {variant})});
const everyArm = [linux('arm', 'v5'), linux('arm', 'v6'), linux('arm', 'v7'), linux('arm64', 'v8')];

test('amd64 is found among others', chooses, linux('amd64'), [...everyArm, linux('386'), linux('amd64')], linux('amd64'));
test('a newer amd64 takes the newest that it runs', chooses, linux('amd64', 'v3'), [linux('amd64'), linux('amd64', 'v2'), linux('amd64', 'v4')], linux('amd64', 'v2'));
test('amd64 takes 386 when there is nothing better', chooses, linux('amd64'), [...everyArm, linux('386')], linux('386'));
test('amd64 takes no newer variant', matchesNone, linux('amd64'), [linux('amd64', 'v2')]);
test('arm64 is arm64/v8', chooses, linux('arm64'), everyArm, linux('arm64', 'v8'));
test('arm is arm/v7', chooses, linux('arm'), everyArm, linux('arm', 'v7'));
test('arm/v6 takes no v7', chooses, linux('arm', 'v6'), [linux('arm', 'v7'), linux('arm', 'v5')], linux('arm', 'v5'));
test('arm64 takes the newest arm', chooses, linux('arm64'), [linux('arm', 'v6'), linux('arm', 'v7')], linux('arm', 'v7'));
test('an attestation is no image', matchesNone, linux('amd64'), [{os: 'unknown', architecture: 'unknown'}]);
test('another operating system is no match', matchesNone, linux('amd64'), [{os: 'windows', architecture: 'amd64'}]);
test('an enormous variant is no match', matchesNone, linux('arm', 'v999999999'), [linux('arm', 'v7')]);

test('an index.json that is a fifo is refused, and not waited for', async t => {
	await t.throwsAsync(resolveChanged(() => ({}), {
		async changeFiles(directory) {
			await rm(path.join(directory, 'index.json'));
			execFileSync('mkfifo', [path.join(directory, 'index.json')]);
		},
	}), {code: 'ERR_TSBUILD_LAYOUT'});
});
