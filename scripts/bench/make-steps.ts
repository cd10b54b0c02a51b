import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';

/** Makes the context of a build of so many trivial RUN steps, each with a layer of its own. */
export async function makeSteps(context: string, {base, count}: {readonly base: string; readonly count: number}): Promise<void> {
	const lines = Array.from({length: count}, (_, index) => `RUN echo ${index} > /${index}\n`);
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), `FROM ${base}\n${lines.join('')}`);
}
