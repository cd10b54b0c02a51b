import {cp, mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {makeRootlessUser} from '../../test/support/rootless-user.ts';
import {makeBaseImage} from '../base-image.ts';
import {measure, type Contender} from './measure.ts';

const stepCount = 20;

/** Times builds of an ordinary user beside the same ones of root: 20 RUN steps, executed and cached. */
export async function benchmarkRootless(program: string): Promise<void> {
	await using user = await makeRootlessUser();
	const context = path.join(user.home, 'context');
	await makeContext(context, path.join(user.home, 'base'));
	await cp(user.home, `${user.home}-of-root`, {recursive: true});
	await user.own(user.home);
	const build = (home: string, flags: string) => [process.execPath, program, 'build', '--root', `${home}/store`, '--progress', 'plain', '--build-context', `base=oci-layout://${home}/base`, flags, `${home}/context`];
	const contenders = (flags: string): readonly Contender[] => [
		{name: 'root', command: quoted(build(`${user.home}-of-root`, flags))},
		{name: 'user', command: quoted(['env', `HOME=${user.home}`, 'USER=bench', ...user.as(build(user.home, flags))])},
	];
	report(`${stepCount} RUN steps, nothing cached`, await measure(contenders('--no-cache'), {runs: 10}));
	report(`${stepCount} RUN steps, all cached`, await measure(contenders('--progress=plain'), {runs: 20}));
}

async function makeContext(context: string, base: string): Promise<void> {
	await mkdir(context);
	await makeBaseImage(base);
	const lines = Array.from({length: stepCount}, (_, index) => `RUN echo ${index} > /${index}\n`);
	await writeFile(path.join(context, 'Dockerfile'), `FROM base\n${lines.join('')}`);
}

function quoted(command: readonly string[]): string {
	return command.map(word => `'${word.replaceAll('\'', String.raw`'\''`)}'`).join(' ');
}

function report(title: string, medians: ReadonlyMap<string, number>): void {
	console.log(title);
	for (const [name, seconds] of medians) {
		const ratio = name === 'root' ? '' : `  ${(seconds / medians.get('root')!).toFixed(1)} times root's`;
		console.log(`  ${name.padEnd(10)}${(seconds * 1000).toFixed(0).padStart(7)} ms${ratio}`);
	}
}
