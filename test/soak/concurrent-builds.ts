import {execFileSync} from 'node:child_process';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {prune} from '../../snapshotter/prune.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {findStoreFaults} from '../support/check-whole.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

// 50 take four minutes on four cores.
const rounds = Number(process.env.TSBUILD_CONCURRENT_ROUNDS ?? 8);
const builders = 8;

// Each execution of the shared steps writes a line into a cache that is not pruned.
const dockerfile = `FROM base AS tools
ARG ROUND
RUN --mount=type=cache,id=count,sharing=locked,target=/count echo tools $ROUND >> /count/log; echo tools > /tools
FROM base
ARG ROUND
COPY a /a
RUN --mount=type=cache,id=count,sharing=locked,target=/count echo shared $ROUND >> /count/log; head -c 300000 /dev/zero > /shared
ARG BUILDER
RUN --mount=type=cache,id=count,sharing=locked,target=/count echo own $ROUND $BUILDER >> /count/log; echo $BUILDER > /own
COPY --from=tools /tools /tools
`;

type Outcome = {readonly exitCode: number; readonly stderr: string};

async function buildAtOnce({root, base, context}: Project, round: number): Promise<readonly Outcome[]> {
	return Promise.all(Array.from({length: builders}, async (_, builder) => {
		const values = ['--build-arg', `ROUND=${round}`, '--build-arg', `BUILDER=${builder}`];
		return tsbuild(['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base}`, ...values, '-t', `app:${builder}`, context], {root});
	}));
}

/** Prunes as long as builds run. What this round has made or used stays: else a build that comes late would have to make it again. */
async function pruneUntil(builds: Promise<unknown>, store: Store): Promise<number> {
	const started = Date.now();
	const end = new AbortController();
	const ended = builds.finally(() => {
		end.abort();
	});
	let removed = 0;
	while (!end.signal.aborted) {
		const records = await prune(store, {
			canRemoveShared: true,
			matches: ({subject, lastUsedAt}) => subject.kind !== 'cache-mount' && lastUsedAt < started,
			signal: new AbortController().signal,
		});
		removed += records.length;
		// Whoever waits for the database gets it.
		await new Promise(resolve => {
			setImmediate(resolve);
		});
	}

	await ended;
	return removed;
}

async function countExecutions(root: string): Promise<ReadonlyMap<string, number>> {
	const [hash] = await readdir(path.join(root, 'cache-mounts'));
	const log = await readFile(path.join(root, 'cache-mounts', hash!, '0/data/log'), 'utf8');
	return new Map(Map.groupBy(log.trimEnd().split('\n'), line => line).entries().map(([line, lines]) => [line, lines.length]));
}

test(`${builders} builds at once, ${rounds} times, with prune running: every image is right, and what they share is made once`, async t => {
	t.timeout(3600 * 1000);
	// No build is killed, and one that cannot remove its cgroups fails.
	const sessions = new Set<string>();
	await using project = await makeProject({Dockerfile: dockerfile, a: 'x'}, {sessions});
	let removed = 0;
	for (let round = 0; round < rounds; round++) {
		await using store = await openStore(project.root);
		const builds = buildAtOnce(project, round);
		removed += await pruneUntil(builds, store);
		const outcomes = await builds;
		t.deepEqual(outcomes.filter(({exitCode}) => exitCode !== 0).map(({stderr}) => stderr), [], `round ${round}`);
		t.deepEqual(await findStoreFaults(project.root), [], `round ${round}`);
	}

	t.log(`${removed} records were pruned meanwhile`);
	const executions = await countExecutions(project.root);
	t.is(executions.size, rounds * (builders + 2));
	t.deepEqual([...executions].filter(([, count]) => count !== 1), []);
	for (let builder = 0; builder < builders; builder++) {
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:app:${builder}`, `dir:${path.join(project.directory, 'copy')}`]));
	}

	t.true(removed > 0);
	await assertNothingLeft(t, project.root, {sessions});
});
