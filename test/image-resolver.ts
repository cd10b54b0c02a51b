import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdir, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {resolveLayoutImage} from '../src/image-resolver.ts';
import {makeTemporaryDirectory} from './support/temporary-directory.ts';

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

/** Writes a layout of one image with one layer, which nobody reads, and resolves it. */
async function resolveChanged(change: Change, changeFiles?: (directory: string) => Promise<void>) {
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
	return await resolveLayoutImage({name: 'base', directory: directory.path}, platform);
}

const refuses = test.macro(async (t, code: string, message: RegExp, change: Change) => {
	await t.throwsAsync(resolveChanged(change), {code, message});
});

test('an image is found', async t => {
	const {reference, config} = await resolveChanged(() => ({}));
	t.is(reference, 'docker.io/library/base:latest');
	t.deepEqual(config.rootfs.diff_ids as unknown, [layer.digest]);
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

test('an index.json that is a fifo is refused, and not waited for', async t => {
	await t.throwsAsync(resolveChanged(() => ({}), async directory => {
		await rm(path.join(directory, 'index.json'));
		execFileSync('mkfifo', [path.join(directory, 'index.json')]);
	}), {code: 'ERR_TSBUILD_LAYOUT'});
});
