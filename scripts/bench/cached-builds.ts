import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {measure, type Contender} from './measure.ts';
import {report} from './report.ts';

/** What builds of different sizes are measured with. */
export type CachedBuildsBenchmark = {
	/** For contexts; it is there. */
	readonly directory: string;
	/** The base image. */
	readonly base: string;
	/** Who builds a context with some flags. */
	readonly contenders: (context: string, flags: string) => readonly Contender[];
};

const counts = [0, 10, 100, 1000];

// Image formats and overlayfs have room for about 120 layers, so the steps are in several stages.
const stageLength = 50;

/** Times builds that find everything in the cache, with more and more steps: what a vertex costs should not grow. */
export async function benchmarkCachedBuilds({directory, base, contenders}: CachedBuildsBenchmark): Promise<void> {
	for (const count of counts) {
		const context = path.join(directory, `cached-${count}`);
		await mkdir(context);
		await writeFile(path.join(context, 'Dockerfile'), dockerfileOf(count, base));
		// Warming up fills the cache. Of buildah it would take minutes.
		const [tsbuild, buildKit] = contenders(context, '');
		report(`${count} steps more, all cached`, await measure([tsbuild!, buildKit!], {runs: 10}));
	}
}

/** Stages of steps that do next to nothing, and a last one that needs them all. */
function dockerfileOf(count: number, base: string): string {
	const stages = Array.from({length: Math.ceil(count / stageLength)}, (_, stage) => stage);
	const steps = (stage: number) => Array.from({length: Math.min(stageLength, count)}, (_, step) => `WORKDIR /${stage}/${step}\n`).join('');
	return [
		`FROM ${base} AS base\n`,
		...stages.map(stage => `FROM base AS stage${stage}\n${steps(stage)}`),
		'FROM base\nRUN true\n',
		...stages.map(stage => `COPY --from=stage${stage} /etc/passwd /passwd${stage}\n`),
	].join('');
}
