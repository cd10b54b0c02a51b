/*
Bundles the sources into `dist/`, which is what the published package runs: Node strips no types below `node_modules`.
*/

import {glob, rm} from 'node:fs/promises';
import path from 'node:path';
import {build} from 'esbuild';

const repository = path.join(import.meta.dirname, '..');

// Modules of Node's that are loaded when the first module that imports them is run. In one file, all imports are at its top, and each start would pay for these: 20 ms for `node:http` alone, because to import it takes each of its exports, and some of them load undici.
const lateBuiltins = ['child_process', 'dgram', 'dns', 'http', 'https', 'net', 'perf_hooks', 'readline', 'tls', 'worker_threads', 'zlib'];

/**
Replaces a directory by the bundle: `main.js`, and a file for each worker.

@returns The modules that the bundle imports from outside: Node's own, and packages.
*/
export async function buildBundle(directory: string): Promise<ReadonlySet<string>> {
	// A worker is started by its file's name, which has the bundle's extension beside the bundle's other files.
	const workers = await Array.fromAsync(glob('src/**/*-worker.ts', {cwd: repository}));
	await rm(directory, {recursive: true, force: true});
	const {metafile} = await build({
		absWorkingDir: repository,
		entryPoints: ['src/main.ts', ...workers],
		entryNames: '[name]',
		outdir: directory,
		bundle: true,
		format: 'esm',
		// One file, in which what the sources import lazily is still only run when it is needed: finding and linking forty files took a sixth of a cached build.
		splitting: false,
		// Less to read at each start; names stay, for the traces of errors.
		minifySyntax: true,
		minifyWhitespace: true,
		platform: 'node',
		target: 'node24',
		define: {'Intl.ListFormat': 'LazyListFormat'},
		inject: ['scripts/lazy-list-format.ts'],
		// It finds its prebuilt addon beside its own package.json.
		external: ['koffi'],
		alias: Object.fromEntries(lateBuiltins.map(name => [`node:${name}`, `data:text/javascript,module.exports = require('${name}')`])),
		sourcemap: 'linked',
		// CommonJS packages in the bundle load Node's own modules by `require`.
		banner: {js: 'import {createRequire as createBundleRequire} from \'node:module\'; const require = createBundleRequire(import.meta.url);'},
		metafile: true,
		logLevel: 'warning',
	});
	const imports = Object.values(metafile.outputs).flatMap(output => output.imports);
	return new Set(imports.filter(({external}) => external === true).map(imported => imported.path));
}

if (import.meta.main) {
	await buildBundle(path.join(repository, 'dist'));
}
