import {execFileSync} from 'node:child_process';
import {
	existsSync,
	rmSync,
	statfsSync,
	writeFileSync,
} from 'node:fs';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {findStoreFaults} from '../../support/check-whole.ts';
import {makeProject, type Project} from '../../support/project.ts';
import {tsbuild} from '../../support/tsbuild.ts';

/** What went wrong, and how often a full disk ended a build. */
export type FullDiskOutcome = {
	readonly faults: readonly string[];
	readonly failedBuilds: number;
};

const steps = String.raw`FROM base
RUN head -c 1500000 /dev/zero > /zeros; for i in $(seq 50); do echo $i > /f$i; done
COPY a /a
RUN rm -rf /zeros; head -c 1000000 /dev/zero | tr '\0' x > /x
`;

// What a build says when there is no room, wherever it came to the end of it.
const clearMessages = /no space left on device|the disk is full/iv;

/**
Builds on a disk with less and less room, from none to what a build needs, and looks at the store each time: while the disk is full, and when there is room again.

@param disk the directory of the disk, which nobody else uses
@param levels how many amounts of room are tried
*/
export async function fillDisk(disk: string, levels: number): Promise<FullDiskOutcome> {
	await using project = await makeProject({Dockerfile: steps, a: 'x'.repeat(500_000)});
	const needed = await spaceOfBuild(disk, project);
	const faults: string[] = [];
	let failedBuilds = 0;
	for (let level = 0; level < levels; level++) {
		const room = Math.trunc(needed * level / levels);
		const {isBuilt, found} = await buildWithRoom(disk, room, project);
		failedBuilds += isBuilt ? 0 : 1;
		faults.push(...found.map(fault => `with room for ${room} bytes: ${fault}`));
		await emptyDisk(disk);
	}

	return {faults, failedBuilds};
}

async function spaceOfBuild(disk: string, project: Project): Promise<number> {
	const before = freeBytes(disk);
	const failure = await failureOf(disk, project);
	if (failure !== undefined) {
		throw new Error(failure);
	}

	const needed = before - freeBytes(disk);
	await emptyDisk(disk);
	return needed;
}

async function buildWithRoom(disk: string, room: number, project: Project): Promise<{readonly isBuilt: boolean; readonly found: readonly string[]}> {
	const root = path.join(disk, 'store');
	const filler = path.join(disk, 'filler');
	leaveRoom(disk, filler, room);
	const failure = await failureOf(disk, project);
	const found = failure === undefined || clearMessages.test(failure) ? [] : [`unclear: ${failure}`];
	rmSync(filler);
	found.push(...await faultsOf(root));
	const again = await failureOf(disk, project);
	found.push(...again === undefined ? [] : [`the next build fails: ${again}`], ...await faultsOf(root));
	return {isBuilt: failure === undefined, found};
}

// A store of which not even its format could be written is made by the next build.
async function faultsOf(root: string): Promise<readonly string[]> {
	return existsSync(path.join(root, 'format')) ? findStoreFaults(root) : [];
}

async function failureOf(disk: string, {base, context, directory}: Project): Promise<string | undefined> {
	const root = path.join(disk, 'store');
	const args = ['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base}`, '-t', 'app:1', '-o', `type=oci,dest=${directory}/app.tar`, context];
	const {exitCode, stderr} = await tsbuild(args, {root});
	return exitCode === 0 ? undefined : `${stderr}(exit code ${exitCode})`;
}

function leaveRoom(disk: string, filler: string, room: number): void {
	writeFileSync(filler, '');
	const size = freeBytes(disk) - room;
	// A little room may be taken by the file's own extents.
	execFileSync('sh', ['-c', 'head --bytes="$1" /dev/zero > "$2" || true', 'sh', String(Math.max(0, size)), filler], {stdio: 'ignore'});
}

function freeBytes(disk: string): number {
	const {bavail, bsize} = statfsSync(disk);
	return bavail * bsize;
}

async function emptyDisk(disk: string): Promise<void> {
	for (const name of await readdir(disk)) {
		if (name !== 'lost+found') {
			rmSync(path.join(disk, name), {recursive: true});
		}
	}
}
