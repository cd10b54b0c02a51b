import {readdirSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
	buildCase,
	listTar,
	maskOutput,
	readConfig,
	readLines,
} from '../support/build-case.ts';
import {assertNothingLeft} from '../support/leftovers.ts';

/*
One build for each folder of fixtures/build. A folder holds the expectations that matter for it:
- exit: the exit code, when it is not 0
- output: lines that the progress has, in this order, times and digests masked
- tree: files of the result, as listTar gives them; a line that begins with ! must not be there
- config.json: the image's config, and of its history what was done and whether it made a layer
*/
const folders = path.join(import.meta.dirname, '../../fixtures/build');

const builds = test.macro({
	async exec(t, name: string) {
		const folder = path.join(folders, name);
		await using result = await buildCase(folder);
		const [exit = '0'] = await readLines(path.join(folder, 'exit'));
		t.is(result.exitCode, Number(exit), result.stderr);
		const output = await readLines(path.join(folder, 'output'));
		t.is(missingLine(maskOutput(result.stderr), output), undefined, result.stderr);
		const tree = await readLines(path.join(folder, 'tree'));
		t.deepEqual(wrongFiles(result.directory, tree), []);
		const expectedConfig = await readLines(path.join(folder, 'config.json'));
		t.deepEqual(expectedConfig.length === 0 ? [] : summarizeConfig(result.archive), expectedConfig.length === 0 ? [] : JSON.parse(expectedConfig.join('\n')));
		await assertNothingLeft(t, result.root);
	},
	title: (_, name: string) => `the case ${name} gives what it should`,
});

for (const name of readdirSync(folders)) {
	test(builds, name);
}

/** The first of the lines that the output does not have behind the ones before. */
function missingLine(output: string, lines: readonly string[]): string | undefined {
	const remaining = output.split('\n').values();
	return lines.find(line => !remaining.some(candidate => candidate === line));
}

/** The expectations that the files of the result do not meet. */
function wrongFiles(directory: string, expected: readonly string[]): readonly string[] {
	if (expected.length === 0) {
		return [];
	}

	const files = new Set(listTar(path.join(directory, 'root.tar')));
	return expected.filter(line => line.startsWith('!') === files.has(line.replace(/^!/v, '')));
}

function summarizeConfig(archive: string): unknown {
	const {config, history} = readConfig(archive);
	return {config, history: history?.map(entry => [entry.created_by, entry.empty_layer ?? false])};
}
