import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {SnapshotterName} from '../../snapshotter/snapshotter-choice.ts';
import {makeProject, type Project} from './project.ts';
import {tsbuild} from './tsbuild.ts';

// Prints the maximum at the end, in kilobytes.
const program = 'process.on("exit", () => console.error("maxRSS", process.resourceUsage().maxRSS))';
const measure = `data:text/javascript;base64,${Buffer.from(program).toString('base64')}`;

const kilobytesPerMebibyte = 1024;

/** The layer that is made, exported and taken in again. */
export type LargeLayer = {
	readonly snapshotter: SnapshotterName;
	/** Makes it, on busybox. */
	readonly command: string;
	/** Shows that it is what it was, and does not change it. */
	readonly check: string;
};

/** Builds an image with a large layer, exports it, builds on the export in another store, and asserts that neither build needs much memory. */
export async function assertLittleMemory(t: ExecutionContext, {snapshotter, command, check}: LargeLayer, {mebibytes}: {readonly mebibytes: number}): Promise<void> {
	await using project = await makeProject({Dockerfile: `FROM base\nRUN ${command}\nRUN ${check}\n`});
	const {directory, base, context} = project;
	const made = await buildMeasured(project, [
		'--root', path.join(directory, 'first'), '--build-context', `base=oci-layout://${base}`, '-t', 'large:1', '-o', `type=oci,dest=${directory}/large.tar,compression=zstd`, context,
	], snapshotter);
	const layout = path.join(directory, 'layout');
	mkdirSync(layout);
	execFileSync('tar', ['-xf', path.join(directory, 'large.tar'), '-C', layout]);
	await project.write({Dockerfile: `FROM large\nRUN ${check}\n`});
	const takenIn = await buildMeasured(project, [
		'--root', path.join(directory, 'second'), '--build-context', `large=oci-layout://${layout}`, '-t', 'larger:1', context,
	], snapshotter);
	t.log(`made and exported in ${made} MiB, taken in in ${takenIn} MiB`);
	t.true(Math.max(made, takenIn) < mebibytes, `${made} and ${takenIn} MiB`);
}

async function buildMeasured({root}: Project, args: readonly string[], snapshotter: SnapshotterName): Promise<number> {
	const {exitCode, stderr} = await tsbuild(['build', '--progress', 'plain', ...args], {
		root,
		env: {TSBUILD_SNAPSHOTTER: snapshotter, NODE_OPTIONS: `--import=${measure}`},
	});
	if (exitCode !== 0) {
		throw new Error(stderr);
	}

	const kilobytes = /(?<=^maxRSS )\d+$/mv.exec(stderr)![0];
	return Math.ceil(Number(kilobytes) / kilobytesPerMebibyte);
}
