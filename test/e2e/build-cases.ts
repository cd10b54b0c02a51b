import {existsSync, readdirSync, readFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import test, {type ExecutionContext} from 'ava';
import PQueue from 'p-queue';
import {makeBaseImage} from '../support/base-image.ts';
import {
	buildCase,
	maskOutput,
	readConfig,
	readLines,
	type BuildCaseResult,
} from '../support/build-case.ts';
import {
	listAttributes,
	listChanges,
	listLayers,
	listLayout,
	listTimes,
} from '../support/case-files.ts';
import {testWhere} from '../support/conditions.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

/*
One build for each folder of fixtures/build, which fixtures/build/README.md describes.
*/
const folders = path.join(import.meta.dirname, '../../fixtures/build');

// Each is a process of its own, and there are many more of them than processors.
const builds = new PQueue({concurrency: 2 * os.availableParallelism()});
const cleanup = new AsyncDisposableStack();
const temporary = cleanup.use(await makeTemporaryDirectory()).path;
const surroundings = {base: path.join(temporary, 'base'), compileCache: path.join(temporary, 'compiled')};
await makeBaseImage(surroundings.base);
const baseFiles = listLayout(surroundings.base);

test.after.always('cleanup', async () => {
	await cleanup.disposeAsync();
});

const gives = test.macro({
	async exec(t, name: string) {
		await builds.add(async () => checkCase(t, path.join(folders, name)));
	},
	title: (_, name: string) => `the case ${name} gives what it should`,
});

const names = readdirSync(folders, {withFileTypes: true}).filter(entry => entry.isDirectory()).map(({name}) => name);
for (const name of names) {
	const reason = path.join(folders, name, 'needs-root');
	const caseTest = existsSync(reason) ? testWhere(process.getuid!() === 0, readFileSync(reason, 'utf8').trim()) : test;
	caseTest(gives, name);
}

async function checkCase(t: ExecutionContext, folder: string): Promise<void> {
	await using result = await buildCase(folder, surroundings);
	const [exit = '0'] = await readLines(path.join(folder, 'exit'));
	t.is(result.exitCode, Number(exit), result.stderr);
	const output = await readLines(path.join(folder, 'output'));
	t.is(missingLine(maskOutput(result.stderr), output), undefined, result.stderr);
	for (const [file, find] of Object.entries(findings)) {
		const expected = await readLines(path.join(folder, file));
		t.deepEqual(expected.length === 0 ? [] : find(result), expected, file);
	}

	const times = await readLines(path.join(folder, 'times'));
	t.deepEqual(times.length === 0 ? [] : times.filter(line => !listTimes(rootTar(result)).includes(line)), []);
	const config = await readLines(path.join(folder, 'config.json'));
	t.deepEqual(config.length === 0 ? [] : summarizeConfig(result.archive), config.length === 0 ? [] : JSON.parse(config.join('\n')));
	await assertNothingLeft(t, result.root);
}

/** The expectations that are complete, by their file. */
const findings: Readonly<Record<string, (result: BuildCaseResult) => readonly string[]>> = {
	tree: result => listChanges(rootTar(result), baseFiles),
	layers: ({archive}) => listLayers(archive),
	attributes: result => listAttributes(rootTar(result), result.directory),
};

function rootTar({directory}: BuildCaseResult): string {
	return path.join(directory, 'root.tar');
}

/** The first of the lines that the output does not have behind the ones before. */
function missingLine(output: string, lines: readonly string[]): string | undefined {
	const remaining = output.split('\n').values();
	return lines.find(line => !remaining.some(candidate => candidate === line));
}

function summarizeConfig(archive: string): unknown {
	const {config, history} = readConfig(archive);
	return {config, history: history?.map(entry => [entry.created_by, entry.empty_layer ?? false])};
}
