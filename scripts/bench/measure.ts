import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** One program doing a piece of work: command lines for a shell. */
export type Contender = {
	readonly name: string;
	readonly command: string;
	/** Run before each measured run, unmeasured. */
	readonly prepare?: string;
};

/**
Times the contenders one after the other with hyperfine.

@returns seconds by name, medians
*/
export async function measure(contenders: readonly Contender[], {runs}: {readonly runs: number}): Promise<ReadonlyMap<string, number>> {
	const directory = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-bench-'));
	const results = path.join(directory, 'results.json');
	const prepares = contenders.flatMap(({prepare = 'true'}) => ['--prepare', prepare]);
	try {
		await runHyperfine(['--warmup', '1', '--runs', String(runs), '--export-json', results, ...prepares, ...contenders.map(({command}) => command)]);
		const {results: measured} = JSON.parse(await readFile(results, 'utf8')) as {readonly results: ReadonlyArray<{readonly median: number}>};
		return new Map(contenders.map(({name}, index) => [name, measured[index]!.median]));
	} finally {
		await rm(directory, {recursive: true});
	}
}

/** Servers that this process has started must be read from meanwhile: so it may not stand still. */
async function runHyperfine(args: readonly string[]): Promise<void> {
	const child = spawn('hyperfine', args, {stdio: ['ignore', 'ignore', 'inherit']});
	const [code] = await once(child, 'exit') as [number | null];
	if (code !== 0) {
		throw new Error(`hyperfine ended with ${code}`);
	}
}
