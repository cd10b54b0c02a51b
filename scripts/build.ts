/*
Bundles the sources into `dist/`, which is what the published package runs: Node strips no types below `node_modules`.
*/

import {glob, readFile, rm} from 'node:fs/promises';
import path from 'node:path';
import {build, type Plugin} from 'esbuild';

const repository = path.join(import.meta.dirname, '..');
const workerUrl = /new URL\('\.\/(?<name>[\w\-]+)\.ts', import\.meta\.url\)/gv;

/** A worker's file is named by a URL beside its starter; all files of the bundle lie side by side. */
const workerUrls: Plugin = {
	name: 'worker-urls',
	setup({onLoad}) {
		onLoad({filter: /[\/\\]src[\/\\]linux[\/\\][^\/\\]+\.ts$/v}, async ({path: file}) => {
			const source = await readFile(file, 'utf8');
			return {loader: 'ts', contents: source.replaceAll(workerUrl, 'new URL(\'./$<name>.js\', import.meta.url)')};
		});
	},
};

const workers = await Array.fromAsync(glob('src/**/*-worker.ts', {cwd: repository}));

await rm(path.join(repository, 'dist'), {recursive: true, force: true});
await build({
	absWorkingDir: repository,
	entryPoints: ['src/main.ts', ...workers],
	entryNames: '[name]',
	chunkNames: '[name]-[hash]',
	outdir: 'dist',
	bundle: true,
	format: 'esm',
	// What the sources import lazily stays a file of its own, loaded when it is needed.
	splitting: true,
	platform: 'node',
	target: 'node24',
	// It finds its prebuilt addon beside its own package.json.
	external: ['koffi'],
	sourcemap: 'linked',
	// CommonJS packages in the bundle load Node's own modules by `require`.
	banner: {js: 'import {createRequire} from \'node:module\'; const require = createRequire(import.meta.url);'},
	plugins: [workerUrls],
	logLevel: 'warning',
});
