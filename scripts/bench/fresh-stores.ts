import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {text} from 'node:stream/consumers';

/** A program that does a piece of work with nothing there before. */
export type FreshContender = {
	readonly name: string;
	/** Gets ready in a directory that does not exist yet, unmeasured, and gives the command line for a shell. */
	readonly open: (directory: string) => Promise<AsyncDisposable & {readonly command: string}>;
};

export type FreshRuns = {
	/** For all that they write. It is not removed here: ext4 takes no inodes that were freed within the last minute, and searches for others the longer the more there are. */
	readonly directory: string;
	/** Of each contender. */
	readonly runs: number;
};

/**
Times the contenders in turns, each time in an empty directory of its own.

@returns seconds by name, medians
*/
export async function measureFresh(contenders: readonly FreshContender[], {directory, runs}: FreshRuns): Promise<ReadonlyMap<string, number>> {
	const seconds = new Map<string, number[]>(contenders.map(({name}) => [name, []]));
	for (let run = 0; run < runs; run++) {
		for (const {name, open} of contenders) {
			await using opened = await open(path.join(directory, `${name}-${run}`));
			// What others have written is not to be waited for.
			execFileSync('sync');
			seconds.get(name)!.push(await time(opened.command));
		}
	}

	return new Map([...seconds].map(([name, times]) => [name, median(times)]));
}

async function time(command: string): Promise<number> {
	const start = performance.now();
	const child = spawn('sh', ['-c', `exec ${command}`], {stdio: ['ignore', 'ignore', 'pipe']});
	const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
	if (code !== 0) {
		throw new Error(`${command} ended with ${code}: ${output}`);
	}

	return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
	const sorted = values.toSorted((first, second) => first - second);
	return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
