import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {SnapshotterName} from '../../snapshotter/snapshotter-choice.ts';
import {packageProgram} from './packaged-program.ts';
import {makeProject} from './project.ts';
import {tsbuild} from './tsbuild.ts';

// Prints the maximum at the end, in kilobytes.
const printMemory = 'process.on("exit", () => console.error("maxRSS", process.resourceUsage().maxRSS))';
const measure = `data:text/javascript;base64,${Buffer.from(printMemory).toString('base64')}`;

const kilobytesPerMebibyte = 1024;

/** The layer that is made, exported and taken in again. */
export type LargeLayer = {
	readonly snapshotter: SnapshotterName;
	/** Makes it, on busybox. */
	readonly command: string;
	/** Shows that it is what it was, and does not change it. */
	readonly check: string;
};

/** Builds an image with a large layer, exports it, builds on the export in another store, and asserts that neither build needs much memory. It is the published program that builds: from its sources it would have the compiler's memory besides. */
export async function assertLittleMemory(t: ExecutionContext, {snapshotter, command, check}: LargeLayer, {mebibytes}: {readonly mebibytes: number}): Promise<void> {
	await using program = await packageProgram();
	await using project = await makeProject({Dockerfile: `FROM base\nRUN ${command}\nRUN ${check}\n`});
	const {directory, base, context} = project;
	const measured = {root: project.root, program: program.file, snapshotter};
	const made = await buildMeasured([
		'--root', path.join(directory, 'first'), '--build-context', `base=oci-layout://${base}`, '-t', 'large:1', '-o', `type=oci,dest=${directory}/large.tar,compression=zstd`, context,
	], measured);
	const layout = path.join(directory, 'layout');
	mkdirSync(layout);
	execFileSync('tar', ['-xf', path.join(directory, 'large.tar'), '-C', layout]);
	await project.write({Dockerfile: `FROM large\nRUN ${check}\n`});
	const takenIn = await buildMeasured([
		'--root', path.join(directory, 'second'), '--build-context', `large=oci-layout://${layout}`, '-t', 'larger:1', context,
	], measured);
	t.log(`made and exported in ${made} MiB, taken in in ${takenIn} MiB`);
	t.true(Math.max(made, takenIn) < mebibytes, `${made} and ${takenIn} MiB`);
}

type Measured = {readonly root: string; readonly program: string; readonly snapshotter: SnapshotterName};

async function buildMeasured(args: readonly string[], {root, program, snapshotter}: Measured): Promise<number> {
	const {exitCode, stderr} = await tsbuild(['build', '--progress', 'plain', ...args], {
		program,
		root,
		env: {TSBUILD_SNAPSHOTTER: snapshotter, NODE_OPTIONS: `--import=${measure}`},
	});
	if (exitCode !== 0) {
		throw new Error(stderr);
	}

	// Of an ordinary user there are two processes.
	const kilobytes = stderr.matchAll(/(?<=^maxRSS )\d+$/gmv).map(([amount]) => Number(amount));
	return Math.ceil(Math.max(...kilobytes) / kilobytesPerMebibyte);
}
