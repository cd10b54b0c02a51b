import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import typescript from 'typescript';

type Area = {
	/** A directory, or a file without its extension. */
	readonly name: string;
	/** Areas or single files that it may import besides itself. */
	readonly imports: readonly string[] | 'everything';
	readonly why: string;
};

/** A file belongs to the first area that holds it. */
const areas: readonly Area[] = [
	{name: 'src/kernel', imports: [], why: 'words that all others share: no I/O, nothing of ours'},
	{name: 'src/definition', imports: ['src/kernel'], why: 'the data between frontend and solver, which never meet'},
	{name: 'src/linux', imports: ['src/kernel'], why: 'the only door to the kernel'},
	{name: 'src/http', imports: ['src/kernel'], why: 'the only door to the network'},
	{name: 'src/registry', imports: ['src/kernel', 'src/http'], why: 'the registry protocol, apart from image logic'},
	{name: 'src/s3', imports: ['src/kernel', 'src/http'], why: 'the protocol of buckets, whatever they keep'},
	{name: 'src/ssh', imports: ['src/kernel'], why: 'the keys and agents of SSH, whoever signs with them'},
	{name: 'frontend', imports: ['src/kernel', 'src/definition'], why: 'the language knows nothing of how it is carried out'},
	{name: 'solver/executor', imports: ['src/kernel', 'src/linux'], why: 'a container is data, wherever its files come from'},
	{name: 'solver/network', imports: ['src/kernel', 'src/linux', 'solver/executor'], why: 'makes the networks that containers join'},
	{
		name: 'solver/ops',
		imports: [
			'src/kernel',
			'src/definition',
			'src/linux',
			'src/http',
			'src/registry',
			'src/ssh',
			'snapshotter',
			'solver/executor',
			'solver/network',
			'solver/vertex.ts',
			'solver/cache-store.ts',
			'solver/cache-key.ts',
		],
		why: 'an op joins the parts, and of the solver it knows the contracts alone',
	},
	{name: 'solver', imports: ['src/kernel'], why: 'the core knows vertex, edge, op, result and cache key, and no container or file'},
	{name: 'snapshotter', imports: ['src/kernel', 'src/linux'], why: 'files and blobs, whoever asks for them'},
	{name: 'src/context', imports: ['src/kernel', 'src/linux', 'snapshotter'], why: 'gives the files of a build'},
	{name: 'src/exporter', imports: ['src/kernel', 'src/linux', 'src/registry', 'snapshotter'], why: 'turns snapshots into an output'},
	{
		name: 'src/cache',
		imports: ['src/kernel', 'src/linux', 'src/http', 'src/registry', 'src/s3', 'src/exporter', 'snapshotter'],
		why: 'moves cache records in and out, and their layers as an exporter does',
	},
	{name: 'src/attestation', imports: ['src/kernel', 'snapshotter'], why: 'describes a result'},
	{name: 'src/history', imports: ['src/kernel', 'snapshotter'], why: 'remembers builds'},
	{name: 'src/progress', imports: ['src/kernel'], why: 'shows events, whoever sends them'},
	{name: 'src/report', imports: ['src/kernel', 'src/history'], why: 'shows a build that is over'},
	{name: 'src/run', imports: ['src/kernel', 'src/linux', 'snapshotter', 'solver/executor'], why: 'starts a container from an image'},
	{name: 'src/image-resolver', imports: ['src/kernel', 'src/definition', 'src/registry', 'snapshotter', 'src/exporter/image-store.ts'], why: 'finds the image that a FROM names'},
	{name: 'src/image-archive', imports: ['src/kernel', 'src/exporter', 'src/image-resolver', 'snapshotter'], why: 'reads the images of an archive'},
	{
		name: 'src/local-store',
		imports: ['src/kernel', 'snapshotter', 'solver/executor', 'src/exporter/image-store.ts', 'src/garbage'],
		why: 'opens the store together with what ends the containers of dead sessions',
	},
	{name: 'src/garbage', imports: ['src/kernel', 'src/linux', 'src/exporter/image-store.ts', 'snapshotter'], why: 'keeps a store within its limits'},
	{name: 'src/store-check', imports: ['src/kernel', 'src/local-store.ts', 'src/exporter/image-store.ts', 'snapshotter'], why: 'proves that a store is whole'},
	{name: 'src/doctor', imports: ['src/kernel', 'src/linux', 'src/registry', 'src/rootless', 'snapshotter', 'solver/executor', 'solver/network'], why: 'tries what a build needs of the machine'},
	{name: 'src/rootless', imports: ['src/kernel', 'src/linux'], why: 'makes root of a user before there is anything to build'},
	{name: 'src/build-error', imports: ['src/kernel'], why: 'is known to those who print it'},
	{name: 'src/build', imports: 'everything', why: 'wires a build'},
	{name: 'src/pull-image', imports: 'everything', why: 'wires a pull'},
	{name: 'src/cli', imports: 'everything', why: 'wires the command line'},
	{name: 'src/main', imports: 'everything', why: 'starts the command line'},
];

/** What may be imported by those above it in this list only. */
const wiring = ['src/main', 'src/cli', 'src/build', 'src/pull-image'];

/** Where the name of a package may appear; each has one owner, so that it can be replaced in one place. */
const packageOwners: Readonly<Record<string, readonly string[]>> = {
	'@sindresorhus/is': ['src', 'frontend', 'solver', 'snapshotter'],
	got: ['src/http'],
	koffi: ['src/linux'],
	'p-queue': ['solver', 'src/cache', 'src/exporter', 'src/registry', 'src/s3'],
};

/** They name nothing; see docs/glossary.md for the words that do. */
const emptyWords = new Set(['helper', 'helpers', 'manager', 'node', 'nodes', 'task', 'tasks', 'util', 'utils']);

const repository = path.join(import.meta.dirname, '..');
const sources = await readSources('{src,frontend,solver,snapshotter}/**/*.ts');

test('every source file belongs to an area of the table', t => {
	t.deepEqual(sources.filter(({file}) => areaOf(file) === undefined).map(({file}) => file), []);
});

test('areas import only what the table allows', t => {
	t.deepEqual(findForbiddenImports(), []);
});

test('nobody imports what wires the parts', t => {
	const violations = allImports().filter(({from, to}) => {
		const rank = wiring.findIndex(name => isWithin(to, name));
		const importer = wiring.findIndex(name => isWithin(from, name));
		return rank !== -1 && (importer === -1 || importer > rank);
	});
	t.deepEqual(violations.map(({from, to}) => `${from} -> ${to}`), []);
});

test('packages are imported by their owners only', t => {
	const violations = sources.flatMap(({file, packages}) => packages
		.filter(name => (packageOwners[name] ?? []).every(owner => !isWithin(file, owner)))
		.map(name => `${file} -> ${name}`));
	t.deepEqual(violations, []);
});

test('imports make no cycle', t => {
	t.deepEqual(findCycle(), []);
});

test('no file passes on the names of another', t => {
	t.deepEqual(sources.filter(({content}) => /^export (?:type )?\*/mv.test(content)).map(({file}) => file), []);
});

test('files have at most 350 lines, those of tests and scripts too', async t => {
	const files = [...sources, ...await readSources('{test,scripts}/**/*.ts')];
	const long = files.filter(({content}) => content.split('\n').length - 1 > 350);
	t.deepEqual(long.map(({file}) => file), []);
});

test('file names say what is in the file', t => {
	const vague = sources.filter(({file}) => file.split(/[\-.\/]/v).some(word => emptyWords.has(word)));
	t.deepEqual(vague.map(({file}) => file), []);
});

type Source = {
	/** Relative to the repository. */
	readonly file: string;
	readonly content: string;
	/** The files of ours that it imports, relative to the repository. */
	readonly imports: readonly string[];
	/** The packages that it imports, without Node's own. */
	readonly packages: readonly string[];
};

async function readSources(pattern: string): Promise<readonly Source[]> {
	const files = await Array.fromAsync(glob(pattern, {cwd: repository}));
	return Promise.all(files.toSorted().map(async file => readSource(file)));
}

async function readSource(file: string): Promise<Source> {
	const content = await readFile(path.join(repository, file), 'utf8');
	const names = typescript.preProcessFile(content).importedFiles.map(({fileName}) => fileName);
	return {
		file,
		content,
		imports: names.filter(name => name.startsWith('.')).map(name => path.join(path.dirname(file), name)),
		packages: names.filter(name => !name.startsWith('.') && !name.startsWith('node:')).map(name => packageOf(name)),
	};
}

function packageOf(specifier: string): string {
	return specifier.split('/', 2).slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function areaOf(file: string): Area | undefined {
	return areas.find(({name}) => isWithin(file, name));
}

function isWithin(file: string, name: string): boolean {
	return file === name || file === `${name}.ts` || file.startsWith(`${name}/`);
}

function allImports(): ReadonlyArray<{readonly from: string; readonly to: string}> {
	return sources.flatMap(({file, imports}) => imports.map(to => ({from: file, to})));
}

function findForbiddenImports(): readonly string[] {
	return allImports().filter(({from, to}) => {
		const area = areaOf(from);
		return area !== undefined
			&& area.imports !== 'everything'
			&& areaOf(to) !== area
			// An area below another (solver/ops below solver) needs a row of its own to be imported.
			&& area.imports.every(allowed => allowed !== to && areaOf(to)?.name !== allowed);
	}).map(({from, to}) => `${from} -> ${to}: ${areaOf(from)!.why}`);
}

/** The files of the first cycle found, in order, or nothing. */
function findCycle(): readonly string[] {
	const graph = new Map(sources.map(({file, imports}) => [file, imports]));
	const finished = new Set<string>();
	const visit = (file: string, trail: readonly string[]): readonly string[] => {
		if (trail.includes(file)) {
			return [...trail.slice(trail.indexOf(file)), file];
		}

		if (finished.has(file)) {
			return [];
		}

		for (const imported of graph.get(file) ?? []) {
			const cycle = visit(imported, [...trail, file]);
			if (cycle.length > 0) {
				return cycle;
			}
		}

		finished.add(file);
		return [];
	};

	for (const file of graph.keys()) {
		const cycle = visit(file, []);
		if (cycle.length > 0) {
			return cycle;
		}
	}

	return [];
}
