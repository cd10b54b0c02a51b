import {execFileSync} from 'node:child_process';
import {DatabaseSync} from 'node:sqlite';
import path from 'node:path';
import test from 'ava';
import {prune} from '../../snapshotter/prune.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild, waitForExit, type TsbuildProcess} from '../support/tsbuild.ts';

const dockerfile = `FROM base AS tools
RUN echo tools > /tools
FROM base
ARG N
COPY a /a
RUN echo $N > /n
COPY --from=tools /tools /tools
WORKDIR /work
`;

const builders = 4;
const rounds = 3;

/** Builds again and again; each time, the image is the base of another one. */
async function buildInTurns(project: Project, store: Store, n: number): Promise<readonly Outcome[]> {
	const outcomes: Outcome[] = [];
	for (let round = 0; round < rounds; round++) {
		const base = project.start('-t', `app:${n}`, '-t', 'app:shared', '--build-arg', `N=${n % 2}`);
		outcomes.push(await pruneDuring(base, store));
		const dockerfileOnTop = path.join(project.context, `Dockerfile.${n}`);
		const derived = project.start('-t', `derived:${n}`, '-f', dockerfileOnTop);
		outcomes.push(await pruneDuring(derived, store));
	}

	return outcomes;
}

type Outcome = {readonly exitCode: number; readonly stderr: string; readonly removed: number};

/** Prunes whenever the build says something. */
async function pruneDuring(build: TsbuildProcess, store: Store): Promise<Outcome> {
	const exited = waitForExit(build);
	let stderr = '';
	let removed = 0;
	for await (const chunk of build.stderr.setEncoding('utf8')) {
		stderr += String(chunk);
		const records = await prune(store, {canRemoveShared: true, matches: () => true, signal: new AbortController().signal});
		removed += records.length;
	}

	return {exitCode: await exited, stderr, removed};
}

async function buildAndPrune(project: Project): Promise<readonly Outcome[]> {
	await using store = await openStore(project.root);
	const outcomes = await Promise.all(Array.from({length: builders}, async (_, n) => buildInTurns(project, store, n)));
	return outcomes.flat();
}

test('builds succeed while everything unused is pruned all the time', async t => {
	const dockerfiles = Object.fromEntries(Array.from({length: builders}, (_, n) => [`Dockerfile.${n}`, `FROM app:${n}\nRUN cat /n /tools && echo more > /more\n`]));
	await using project = await makeProject({Dockerfile: dockerfile, a: 'x', ...dockerfiles});
	const outcomes = await buildAndPrune(project);
	t.deepEqual(outcomes.filter(({exitCode}) => exitCode !== 0).map(({stderr}) => stderr), []);
	t.true(outcomes.some(({removed}) => removed > 0));

	const names = ['app:shared', ...Array.from({length: builders}, (_, n) => [`app:${n}`, `derived:${n}`]).flat()];
	for (const name of names) {
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:${name}`, `dir:${path.join(project.directory, 'copy')}`]));
	}

	const last = await tsbuild(['prune', '-af'], {root: project.root});
	t.is(last.exitCode, 0, last.stderr);
	const usage = await tsbuild(['du'], {root: project.root});
	t.is(new TextDecoder().decode(usage.stdout), 'ID        RECLAIMABLE   SIZE      LAST ACCESSED\nReclaimable:\t0B\nTotal:\t\t0B\n');
	using database = new DatabaseSync(path.join(project.root, 'metadata.db'), {readOnly: true});
	t.deepEqual(database.prepare('PRAGMA foreign_key_check').all(), []);
	t.deepEqual(database.prepare('SELECT * FROM leases').all(), []);
	await assertNothingLeft(t, project.root);
});
