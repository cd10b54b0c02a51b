import {cp} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {makeRootlessUser} from '../../test/support/rootless-user.ts';
import {makeBaseImage} from '../base-image.ts';
import {makeSteps} from './make-steps.ts';
import {measure, type Contender} from './measure.ts';
import {report} from './report.ts';

const stepCount = 20;

/** Times builds of an ordinary user beside the same ones of root: 20 RUN steps, executed and cached. */
export async function benchmarkRootless(program: string): Promise<void> {
	await using user = await makeRootlessUser();
	await makeBaseImage(path.join(user.home, 'base'));
	await makeSteps(path.join(user.home, 'context'), {base: 'base', count: stepCount});
	await cp(user.home, `${user.home}-of-root`, {recursive: true});
	await user.own(user.home);
	const build = (home: string, flags: readonly string[]) => [process.execPath, program, 'build', '--root', `${home}/store`, '--progress', 'plain', '--build-context', `base=oci-layout://${home}/base`, ...flags, `${home}/context`];
	const contenders = (...flags: readonly string[]): readonly Contender[] => [
		{name: 'root', command: quoted(build(`${user.home}-of-root`, flags))},
		{name: 'user', command: quoted(['env', `HOME=${user.home}`, 'USER=bench', ...user.as(build(user.home, flags))])},
	];
	report(`${stepCount} RUN steps, nothing cached`, await measure(contenders('--no-cache'), {runs: 10}));
	report(`${stepCount} RUN steps, all cached`, await measure(contenders(), {runs: 20}));
}

function quoted(command: readonly string[]): string {
	return command.map(word => `'${word.replaceAll('\'', String.raw`'\''`)}'`).join(' ');
}
