/*
Builds `fixtures/demo` into `app.tar`, twice, and prints what came out: `npm run demo`.

Its base is the image that $TSBUILD_DEMO_BASE names in a registry, else the busybox of Docker Hub. Where Docker Hub is out of reach, it is made from Debian's busybox.
*/

import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {splitDigest} from '../src/kernel/digest.ts';
import type {Descriptor, ImageConfig, ImageManifest} from '../src/kernel/oci-types.ts';
import {prepareDemoBase} from './demo-base.ts';

const repository = path.join(import.meta.dirname, '..');
const cache = path.join(repository, '.cache/demo');
const metadataFile = path.join(cache, 'metadata.json');
const archive = path.join(repository, 'app.tar');

async function demonstrate(): Promise<void> {
	await mkdir(cache, {recursive: true});
	const base = await prepareDemoBase({directory: cache, pull: async name => tsbuild(['pull', '--quiet', name])});
	const first = await build(base.buildFlags);
	const again = await build(base.buildFlags);
	await report();
	console.log(`base       ${base.description}`);
	console.log(`time       ${first.toFixed(2)} s, again ${again.toFixed(2)} s`);
}

/** Builds as a user does, and gives the seconds. */
async function build(flags: readonly string[]): Promise<number> {
	const start = performance.now();
	await tsbuild([
		'--tag',
		'demo:1',
		'--output',
		`type=oci,dest=${archive}`,
		...flags,
		'--metadata-file',
		metadataFile,
		path.join(repository, 'fixtures/demo'),
	]);
	return (performance.now() - start) / 1000;
}

async function tsbuild(args: readonly string[]): Promise<void> {
	const child = spawn(process.execPath, [path.join(repository, 'bin/tsbuild.cjs'), ...args], {
		env: {TSBUILD_ROOT: path.join(cache, 'store'), ...process.env},
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	const [code] = await once(child, 'exit') as [number | null];
	if (code !== 0) {
		throw new Error(`tsbuild ended with exit code ${code}`);
	}
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
