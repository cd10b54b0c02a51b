/*
Runs the named parts one after the other and fails when one of them does: `node scripts/suite.ts lint typecheck ava`.
*/

import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	mkdtemp,
	readFile,
	rm,
	writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {countsFileVariable, sumCounts, type Counts} from './ava/counted-run.ts';
import {buildBundle} from './build.ts';
import {setUp} from './set-up.ts';

type Part = {
	readonly command: readonly [program: string, ...args: string[]];
	/** The Debian packages that its tests need, for a part that runs tests and so counts them. */
	readonly packages?: 'tests' | 'vm';
};

const parts: Readonly<Record<string, Part>> = {
	lint: {command: ['xo']},
	typecheck: {command: ['tsc']},
	ava: {command: ['ava', '--config', 'scripts/ava/all.config.ts'], packages: 'tests'},
	soak: {command: ['ava', '--config', 'scripts/ava/soak.config.ts'], packages: 'tests'},
	vm: {command: ['ava', '--config', 'scripts/ava/vm.config.ts'], packages: 'vm'},
};

const repository = path.join(import.meta.dirname, '..');

// What the tests of whole commands run, once `dist/` is that of the sources.
const testedProgram = path.join(repository, 'bin/tsbuild.cjs');

/** Runs the parts, prints the seconds of each and writes the sum of their counts to the file that `TSBUILD_SUITE_RESULT` names. */
async function runSuite(names: readonly string[]): Promise<Counts> {
	const selected = names.map(name => [name, partNamed(name)] as const);
	await setUpFor(selected.map(([, part]) => part));
	const results: Counts[] = [];
	for (const [name, part] of selected) {
		results.push(await timed(name, part));
	}

	const total = sumCounts(results);
	await writeResult(total);
	return total;
}

function partNamed(name: string): Part {
	const part = parts[name];
	if (part === undefined) {
		throw new TypeError(`no suite has the name ${name}; there are ${Object.keys(parts).join(', ')}`);
	}

	return part;
}

async function setUpFor(selected: readonly Part[]): Promise<void> {
	const groups = new Set(selected.map(part => part.packages));
	if (!groups.has('tests') && !groups.has('vm')) {
		return;
	}

	await setUp({withVirtualMachine: groups.has('vm')});
	await buildBundle(path.join(repository, 'dist'));
}

async function timed(name: string, part: Part): Promise<Counts> {
	const start = performance.now();
	const counts = await runPart(part);
	const seconds = ((performance.now() - start) / 1000).toFixed(1);
	console.log(`${name}: ${seconds} s, ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
	return counts;
}

async function runPart(part: Part): Promise<Counts> {
	const directory = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-suite-'));
	try {
		const countsFile = path.join(directory, 'counts.json');
		const isGreen = await run(part.command, {[countsFileVariable]: countsFile, TSBUILD_TEST_PROGRAM: testedProgram});
		return part.packages === undefined
			? countCheck(isGreen)
			: countTests(isGreen, await readCounts(countsFile));
	} finally {
		await rm(directory, {recursive: true});
	}
}

async function run([program, ...args]: Part['command'], env: Readonly<Record<string, string>>): Promise<boolean> {
	const binaries = path.join(repository, 'node_modules/.bin');
	const child = spawn(program, args, {
		cwd: repository,
		// The Node of the lock file comes before the machine's own, however this file was started.
		env: {...process.env, ...env, PATH: `${binaries}:${process.env.PATH}`},
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	const [code] = await once(child, 'exit') as [number | null];
	return code === 0;
}

function countCheck(isGreen: boolean): Counts {
	return isGreen ? {passed: 1, failed: 0, skipped: 0} : {passed: 0, failed: 1, skipped: 0};
}

/** A run that crashed before it wrote its counts, or that failed without a failed test, is one failure. */
function countTests(isGreen: boolean, counts: Counts | undefined): Counts {
	if (counts === undefined) {
		return countCheck(false);
	}

	return isGreen ? counts : {...counts, failed: Math.max(1, counts.failed)};
}

async function readCounts(file: string): Promise<Counts | undefined> {
	try {
		return JSON.parse(await readFile(file, 'utf8')) as Counts;
	} catch {
		return undefined;
	}
}

async function writeResult(total: Counts): Promise<void> {
	const file = process.env.TSBUILD_SUITE_RESULT;
	if (file !== undefined) {
		await writeFile(file, `${JSON.stringify(total)}\n`);
	}
}

const {failed} = await runSuite(process.argv.slice(2));
process.exitCode = failed === 0 ? 0 : 1;
