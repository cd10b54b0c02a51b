import {readFileSync} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {makeProject} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

/*
What BuildKit's builders print of their disk, and what they remove: `du` and `prune`, on an empty store and after a build. What is in the cache is another matter here, see docs/differences.md; the forms are the same, and so is what filters and limits refuse or leave.
*/

const recordings = path.join(import.meta.dirname, '../../fixtures/recordings/disk');

/** The calls that are repeated, by their folder: suffixes of the files. */
const calls = {
	empty: {'du-empty-before': ['', '.2'], 'prune-prompt': ['']},
	built: {du: ['', '.2', '.3', '.4', '.5', '.6', '.7', '.10', '.11', '.12', '.14'], 'prune-filters': ['', '.2', '.3', '.4', '.6', '.7', '.9'], prune: ['', '.2', '.3', '.4', '.5', '.6']},
} as const;

/** Of the copies that BuildKit makes of the context, which is read in place here. */
const foreignType = 'source.local';

test('disk usage and what is pruned have the form of the recordings, on an empty store and after a build', async t => {
	t.timeout(240_000);
	const read = (name: string) => readFileSync(path.join(recordings, 'build-1', name), 'utf8');
	await using project = await makeProject({Dockerfile: read('Dockerfile').replaceAll('localhost:5055/library/busybox:latest', 'base'), 'a.txt': read('context/a.txt')});
	await repeat(t, calls.empty, project.root);
	const built = await project.build('-o', 'type=cacheonly');
	t.is(built.exitCode, 0, built.stderr);
	await repeat(t, calls.built, project.root);
});

async function repeat(t: ExecutionContext, folders: Readonly<Record<string, readonly string[]>>, root: string): Promise<void> {
	for (const [folder, suffixes] of Object.entries(folders)) {
		for (const suffix of suffixes) {
			await repeatCall(t, (name: string) => path.join(recordings, folder, `${name}${suffix}`), root);
		}
	}
}

async function repeatCall(t: ExecutionContext, fileOf: (name: string) => string, root: string): Promise<void> {
	const read = (name: string) => readFileSync(fileOf(name), 'utf8');
	const command = read('command').trim();
	const args = command.matchAll(/"(?<quoted>[^"]*)"|\S+/gv).map(({0: word, groups}) => groups!.quoted ?? word).toArray();
	const isAsked = command === 'prune';
	const {exitCode, stdout, stderr} = await tsbuild(args, {root, ...(isAsked && {input: fileOf('stdin')})});
	t.is(exitCode, Number(read('exit')), command);
	t.deepEqual(formOf(new TextDecoder().decode(stdout)), formOf(read('stdout')), command);
	t.is(exitCode === 0 ? stderr : withoutHint(stderr), read('stderr'), command);
}

function withoutHint(stderr: string): string {
	return `${stderr.split('\n', 1)[0]}\n`;
}

/** The different lines, without what differs from record to record. */
function formOf(output: string): readonly string[] {
	const lines = output.split('\n').filter(line => !line.includes(foreignType)).map(line => line
		.replaceAll(/(?<="\w+":)(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\w+)/gv, '…')
		.replace(/^(?<label>\w[\w ]*:\s+)\S.*$/v, '$<label>…')
		.replace(/^ - \S+$/v, ' - …')
		.replace(/^[\d\-a-z]{1,25}\*?\s+true\s+[\d.]+k?M?B\s+\S.* ago$/v, 'record')
		.replace(/^[\d\-a-z]{1,25} (?<type>\S+) [\d.]+k?M?B$/v, 'record of $<type>'));
	return [...new Set(lines)].toSorted();
}
