/*
Times the same work with tsbuild, BuildKit (inside Debian's docker.io) and buildah, side by side: `npm run bench`, or `npm run bench push` for that part alone. Only the ratios mean something on another machine.
*/

import {execFileSync} from 'node:child_process';
import {
	mkdir,
	mkdtemp,
	rm,
	writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {startRegistry} from '../test/support/registry.ts';
import {makeBaseImage} from './base-image.ts';
import {benchmarkCachedBuilds} from './bench/cached-builds.ts';
import {benchmarkCachedVertexes} from './bench/cached-vertexes.ts';
import {benchmarkCopies} from './bench/copy.ts';
import {dockerClient, startDockerEngine} from './bench/docker-engine.ts';
import {makeSteps} from './bench/make-steps.ts';
import {measure, type Contender} from './bench/measure.ts';
import {benchmarkNetwork} from './bench/network.ts';
import {benchmarkPull} from './bench/pull.ts';
import {report} from './bench/report.ts';
import {benchmarkRootless} from './bench/rootless.ts';
import {buildBundle} from './build.ts';
import {setUp} from './set-up.ts';

const repository = path.join(import.meta.dirname, '..');
const stepCount = 20;

type Peers = {
	/** The name of the base image for all of them. */
	readonly base: string;
	readonly tsbuild: (context: string, flags: string) => string;
	readonly buildKit: (context: string, flags: string) => string;
	readonly buildah: (context: string, flags: string) => string;
	/** Push an image that was built before. */
	readonly dockerPush: (name: string) => string;
	readonly buildahPush: (name: string) => string;
};

async function runBenchmarks(): Promise<void> {
	await setUp({withVirtualMachine: false});
	await buildBundle(path.join(repository, 'dist'));
	const directory = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-bench-'));
	await using cleanup = new AsyncDisposableStack();
	cleanup.defer(async () => rm(directory, {recursive: true, force: true}));
	const engine = cleanup.use(await startDockerEngine(path.join(directory, 'docker')));
	const peers = await preparePeers(directory, engine.host);
	const wanted = process.argv.slice(2);
	for (const [name, benchmark] of Object.entries(benchmarks)) {
		if (wanted.length === 0 || wanted.includes(name)) {
			await benchmark(peers, directory);
		}
	}
}

type Benchmark = (peers: Peers, directory: string) => Promise<void>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
	async steps(peers, directory) {
		const steps = path.join(directory, 'steps');
		await makeSteps(steps, {base: peers.base, count: stepCount});
		await compare(`${stepCount} RUN steps, nothing cached`, contenders(peers, steps, '--no-cache'), 10);
		await compare(`${stepCount} RUN steps, all cached`, contenders(peers, steps, ''), 10);
	},

	async copy(peers, directory) {
		await benchmarkCopies({directory, base: peers.base, contenders: (context, flags) => contenders(peers, context, flags)});
	},

	async push(peers, directory) {
		await using registry = await startRegistry();
		const changing = await makeChangingContext(directory, peers.base);
		await compare('build and push of 200 MB that changed, half of it noise', pushContenders(peers, changing, registry.host), 5);
	},

	async pull(_peers, directory) {
		await benchmarkPull(directory);
	},

	async network(peers, directory) {
		await benchmarkNetwork({directory, base: peers.base, tsbuild: peers.tsbuild});
	},

	async rootless() {
		await benchmarkRootless(path.join(repository, 'bin/tsbuild.cjs'));
	},

	async builds(peers, directory) {
		await benchmarkCachedBuilds({directory, base: peers.base, contenders: (context, flags) => contenders(peers, context, flags)});
	},

	async vertexes(_peers, directory) {
		console.log('cached vertexes in a chain');
		for (const {vertexes, microsecondsPerVertex} of await benchmarkCachedVertexes(directory, [10, 100, 1000])) {
			console.log(`  ${String(vertexes).padEnd(10)}${microsecondsPerVertex.toFixed(0).padStart(7)} µs for each`);
		}
	},
};

/** Gives all three the same base image, under the same name. */
async function preparePeers(directory: string, host: string): Promise<Peers> {
	const base = 'localhost/bench-base:latest';
	const layout = path.join(directory, 'base');
	const archive = path.join(directory, 'base.tar');
	const buildahFlags = `--root ${directory}/buildah --runroot ${directory}/buildah-run`;
	await makeBaseImage(layout);
	run('skopeo', ['copy', '--quiet', `oci:${layout}:latest`, `docker-archive:${archive}:${base}`]);
	run(dockerClient, ['--host', host, 'load', '--input', archive]);
	run('buildah', [...buildahFlags.split(' '), 'pull', '--quiet', `docker-archive:${archive}`]);
	return {
		base,
		tsbuild: (context, flags) => `${process.execPath} ${repository}/bin/tsbuild.cjs build --root ${directory}/store --progress plain --network host --build-context ${base}=oci-layout://${layout} ${flags} ${context}`,
		buildKit: (context, flags) => `DOCKER_BUILDKIT=1 ${dockerClient} --host ${host} build --progress plain --network host ${flags} ${context}`,
		buildah: (context, flags) => `buildah ${buildahFlags} bud --layers --isolation chroot --network host ${flags} ${context}`,
		dockerPush: name => `${dockerClient} --host ${host} push ${name}`,
		buildahPush: name => `buildah ${buildahFlags} push --tls-verify=false ${name}`,
	};
}

function contenders({tsbuild, buildKit, buildah}: Peers, context: string, flags: string): readonly Contender[] {
	return [
		{name: 'tsbuild', command: tsbuild(context, flags)},
		{name: 'BuildKit', command: buildKit(context, flags)},
		{name: 'buildah', command: buildah(context, flags)},
	];
}

async function makeChangingContext(directory: string, base: string): Promise<string> {
	const context = path.join(directory, 'changing');
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), `FROM ${base}\nCOPY data /\n`);
	return context;
}

/** Each run finds a file that it has never seen, and pushes to a repository that has none of its bytes. */
function pushContenders({tsbuild, buildKit, buildah, dockerPush, buildahPush}: Peers, context: string, registry: string): readonly Contender[] {
	const prepare = `${process.execPath} ${repository}/scripts/bench/changed-file.ts ${context}/data`;
	const [own, buildKits, buildahs] = ['tsbuild', 'buildkit', 'buildah'].map(name => `${registry}/${name}/changed:1`) as [string, string, string];
	return [
		{name: 'tsbuild', prepare, command: tsbuild(context, `--push -t ${own}`)},
		{name: 'BuildKit', prepare, command: `${buildKit(context, `-t ${buildKits}`)} && ${dockerPush(buildKits)}`},
		{name: 'buildah', prepare, command: `${buildah(context, `-t ${buildahs}`)} && ${buildahPush(buildahs)}`},
	];
}

async function compare(title: string, entries: readonly Contender[], runs: number): Promise<void> {
	report(title, await measure(entries, {runs}));
}

function run(program: string, args: readonly string[]): void {
	execFileSync(program, args, {stdio: ['ignore', 'ignore', 'inherit']});
}

await runBenchmarks();
