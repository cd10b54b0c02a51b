/*
Builds `fixtures/demo` on a base made from Debian's busybox into `app.tar`, twice, and prints what came out: `npm run demo`.
*/

import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {splitDigest} from '../src/kernel/digest.ts';
import type {Descriptor, ImageConfig, ImageManifest} from '../src/kernel/oci-types.ts';
import {hasBusybox, makeBaseImage} from './base-image.ts';
import {installPackages} from './set-up.ts';

const repository = path.join(import.meta.dirname, '..');
const cache = path.join(repository, '.cache/demo');
const base = path.join(cache, 'base');
const metadataFile = path.join(cache, 'metadata.json');
const archive = path.join(repository, 'app.tar');

async function demonstrate(): Promise<void> {
	await prepareBase();
	const first = await build();
	const again = await build();
	await report();
	console.log(`time       ${first.toFixed(2)} s, again ${again.toFixed(2)} s`);
}

async function prepareBase(): Promise<void> {
	if (!await hasBusybox()) {
		await installPackages(['busybox-static']);
	}

	await mkdir(cache, {recursive: true});
	await makeBaseImage(base);
}

/** Runs the command as a user does, and gives its seconds. */
async function build(): Promise<number> {
	const start = performance.now();
	const child = spawn(process.execPath, [
		path.join(repository, 'bin/tsbuild.cjs'),
		'--tag',
		'demo:1',
		'--output',
		`type=oci,dest=${archive}`,
		'--build-context',
		`base=oci-layout://${base}`,
		'--metadata-file',
		metadataFile,
		path.join(repository, 'fixtures/demo'),
	], {
		env: {TSBUILD_ROOT: path.join(cache, 'store'), ...process.env},
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	const [code] = await once(child, 'exit') as [number | null];
	if (code !== 0) {
		throw new Error(`tsbuild ended with exit code ${code}`);
	}

	return (performance.now() - start) / 1000;
}

async function report(): Promise<void> {
	const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as Readonly<Record<string, string>>;
	const digest = metadata['containerimage.digest']!;
	const manifest = readBlob<ImageManifest>(digest);
	const config = readBlob<ImageConfig>(manifest.config.digest);
	const {size} = await stat(archive);
	console.log(`
reference  ${metadata['image.name']}
digest     ${digest}
file       ${path.relative(process.cwd(), archive)}, ${formatSize(size)}
layers     ${manifest.layers.length}`);
	for (const line of describeLayers(manifest.layers, config)) {
		console.log(`           ${line}`);
	}
}

function describeLayers(layers: readonly Descriptor[], config: ImageConfig): readonly string[] {
	const history = (config.history ?? []).filter(({empty_layer: isEmpty}) => isEmpty !== true);
	return layers.map(({size}, index) => `${formatSize(size).padStart(8)}  ${history[index]?.created_by?.slice(0, 60) ?? ''}`);
}

function readBlob<Content>(digest: string): Content {
	const {algorithm, hex} = splitDigest(digest as Descriptor['digest']);
	return JSON.parse(execFileSync('tar', ['-xOf', archive, `blobs/${algorithm}/${hex}`], {encoding: 'utf8'})) as Content;
}

function formatSize(bytes: number): string {
	return bytes < 10_000 ? `${bytes} B` : `${(bytes / 1000).toFixed(0)} kB`;
}

await demonstrate();
