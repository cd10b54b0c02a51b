import {existsSync, readdirSync} from 'node:fs';
import {readFile, rm} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {findStoreFaults} from '../support/check-whole.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makePullProject, type PullProject} from '../support/pull-project.ts';
import {startTsbuild, tsbuild, waitForExit} from '../support/tsbuild.ts';
import {randomNumbers} from './support/random-numbers.ts';

// 300 take six minutes on four cores.
const rounds = Number(process.env.TSBUILD_KILL_ROUNDS ?? 60);
const seed = Number(process.env.TSBUILD_KILL_SEED ?? 1);

const steps = String.raw`ARG ROUND
RUN --mount=type=cache,target=/cache echo $ROUND >> /cache/log; for i in $(seq 60); do echo $ROUND$i > /f$i; done; rm -rf /etc/passwd
COPY . /context
RUN head -c 2000000 /dev/zero | tr '\0' "$ROUND" > /large; mkdir -p /d/e; ln /large /d/e/link
COPY --from=tools /tools /tools
RUN cat /tools /f1 > /both
`;

const files = Object.fromEntries(Array.from({length: 100}, (_, n) => [`files/${n % 7}/${n}`, `content ${n}\n`.repeat(n)]));

type Build = {readonly args: readonly string[]; readonly archive: string};

/** One that makes all with the same times, so that the same round gives the same image. */
function buildOf({context, directory}: PullProject, round: string, name = 'app.tar'): Build {
	const archive = path.join(directory, name);
	return {
		args: [
			'build',
			'--progress',
			'plain',
			'--build-arg',
			`ROUND=${round}`,
			'--build-arg',
			'SOURCE_DATE_EPOCH=1700000000',
			'-t',
			'app:1',
			'-o',
			`type=oci,dest=${archive},rewrite-timestamp=true`,
			'--metadata-file',
			`${archive}.json`,
			context,
		],
		archive,
	};
}

async function digestIn(root: string, {args, archive}: Build): Promise<unknown> {
	const {exitCode, stderr} = await tsbuild(args, {root});
	if (exitCode !== 0) {
		throw new Error(stderr);
	}

	const {'containerimage.digest': digest} = JSON.parse(await readFile(`${archive}.json`, 'utf8')) as Record<string, unknown>;
	return digest;
}

/** Starts a build and kills it when a part of the usual time has passed. */
async function killAfter(milliseconds: number, {root}: PullProject, {args}: Build): Promise<number> {
	const build = startTsbuild(args, {root});
	build.stdout.resume();
	build.stderr.resume();
	const timer = setTimeout(() => {
		build.kill('SIGKILL');
	}, milliseconds);
	const exitCode = await waitForExit(build);
	clearTimeout(timer);
	return exitCode;
}

/** A process of a step may outlive its build for a moment, and keeps the session from being swept. */
async function sweepAll(root: string): Promise<void> {
	while (sessionsIn(root).length > 0) {
		await findStoreFaults(root);
	}
}

function sessionsIn(root: string): readonly string[] {
	const directory = path.join(root, 'sessions');
	return existsSync(directory) ? readdirSync(directory) : [];
}

test(`after each of ${rounds} builds that were killed, the store is whole, and the image is right in the end`, async t => {
	t.timeout(3600 * 1000);
	const sessions = new Set<string>();
	await using project = await makePullProject(steps, undefined, {sessions});
	await project.write(files);
	const {base} = project;
	await project.write({Dockerfile: `FROM ${base} AS tools\nARG ROUND\nRUN echo tools $ROUND > /tools\nFROM ${base}\n${steps}`, '.dockerignore': 'Dockerfile\n'});
	const random = randomNumbers(seed);

	// How long it takes when nobody disturbs it.
	const started = performance.now();
	await digestIn(project.root, buildOf(project, 'first'));
	const duration = performance.now() - started;

	let killed = 0;
	for (let round = 0; round < rounds; round++) {
		// Now and then from the first byte on: the store is made and the image pulled.
		if (round % 3 === 0) {
			await sweepAll(project.root);
			await rm(project.root, {recursive: true, force: true});
		}

		const exitCode = await killAfter(random() * duration * 1.1, project, buildOf(project, String(round % 5)));
		killed += exitCode === 137 ? 1 : 0;
		for (const session of sessionsIn(project.root)) {
			sessions.add(session);
		}

		t.true(exitCode === 137 || exitCode === 0, `round ${round} ended with ${exitCode}`);
		t.deepEqual(existsSync(path.join(project.root, 'format')) ? await findStoreFaults(project.root) : [], [], `round ${round}`);
	}

	t.log(`${killed} of ${rounds} builds were killed, the others were over before`);
	const fresh = path.join(project.directory, 'fresh');
	for (const round of ['0', '1', '2', '3', '4']) {
		t.is(await digestIn(project.root, buildOf(project, round)), await digestIn(fresh, buildOf(project, round, 'fresh.tar')));
	}

	await sweepAll(project.root);
	await sweepAll(fresh);
	t.deepEqual(await findStoreFaults(project.root), []);
	await assertNothingLeft(t, project.root, {sessions});
	await assertNothingLeft(t, fresh, {sessions});
});
