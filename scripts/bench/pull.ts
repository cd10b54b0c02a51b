import {execFileSync} from 'node:child_process';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {makeDebianBase} from '../../test/support/debian-base.ts';
import {startRegistry} from '../../test/support/registry.ts';
import {dockerClient, startDockerEngine} from './docker-engine.ts';
import {measureFresh, type FreshContender} from './fresh-stores.ts';
import {report} from './report.ts';

const main = path.join(import.meta.dirname, '../../bin/tsbuild.cjs');
const runs = 5;

/** What the programs are to do: the arguments of a command, `pull` or `build`. */
type Work = {
	readonly title: string;
	readonly docker: string;
	readonly tsbuild: string;
};

/** Times how long it takes to have a Debian base image from a registry of this machine unpacked, and a build that begins with that. */
export async function benchmarkPull(directory: string): Promise<void> {
	await using registry = await startRegistry();
	const name = `${registry.host}/library/debian:bookworm`;
	const layout = await makeDebianBase(directory);
	execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:latest`, `docker://${name}`]);
	const context = path.join(directory, 'debian-context');
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), `FROM ${name}\nRUN echo hello > /hello\n`);
	const works: readonly Work[] = [
		{title: 'pull and unpack of a Debian base', docker: `pull ${name}`, tsbuild: `pull ${name}`},
		{title: 'build of one RUN on it, with --pull', docker: `build --pull --network host ${context}`, tsbuild: `build --pull --network host ${context}`},
	];
	for (const [index, work] of works.entries()) {
		// Short, because sockets in there have to have short paths.
		const stores = path.join(directory, `pull-${index}`);
		await mkdir(stores);
		report(work.title, await measureFresh(contenders(work), {directory: stores, runs}));
	}
}

function contenders({docker, tsbuild}: Work): readonly FreshContender[] {
	return [
		{
			name: 'tsbuild',
			open: async directory => ({
				command: `${process.execPath} ${main} ${tsbuild} --root ${directory}`,
				async [Symbol.asyncDispose]() {
					// No process is left.
				},
			}),
		},
		{
			name: 'BuildKit',
			async open(directory) {
				const engine = await startDockerEngine(directory);
				// Its socket is there before it answers.
				execFileSync(dockerClient, ['--host', engine.host, 'version'], {stdio: 'ignore'});
				return {command: `env DOCKER_BUILDKIT=1 ${dockerClient} --host ${engine.host} ${docker}`, [Symbol.asyncDispose]: async () => engine[Symbol.asyncDispose]()};
			},
		},
	];
}
