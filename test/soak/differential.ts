import {Buffer} from 'node:buffer';
import {existsSync} from 'node:fs';
import process from 'node:process';
import {buffer} from 'node:stream/consumers';
import fastCheck from 'fast-check';
import {pack} from 'tar-stream';
import {startDockerEngine} from '../../scripts/bench/docker-engine.ts';
import {convert} from '../support/conversion.ts';
import {testWhere} from '../support/conditions.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {buildByDocker} from './support/docker-build.ts';
import {comparable, explain, type Outcome} from './support/dockerfile-differences.ts';
import {randomDockerfile} from './support/random-dockerfile.ts';

// 2,000 take eighteen minutes, most of them the engine's.
const count = Number(process.env.TSBUILD_DIFFERENTIAL_COUNT ?? 150);
const seed = Number(process.env.TSBUILD_DIFFERENTIAL_SEED ?? 1);

const atOnce = 3;
const testWithDocker = testWhere(existsSync('/usr/sbin/dockerd'), 'this machine has no /usr/sbin/dockerd');

testWithDocker('random Dockerfiles mean what they mean to BuildKit, or the difference is a known one', async t => {
	await using directory = await makeTemporaryDirectory();
	await using engine = await startDockerEngine(directory.path);
	const socket = engine.host.slice('unix://'.length);
	const dockerfiles = fastCheck.sample(randomDockerfile, {seed, numRuns: count}).values();
	const unexplained: unknown[] = [];
	const counts = new Map<string, number>();
	await Promise.all(Array.from({length: atOnce}, async () => {
		for (const dockerfile of dockerfiles) {
			const [ours, theirs] = await Promise.all([convertHere(dockerfile), buildThere(socket, dockerfile)]);
			const difference = explain(ours, theirs, dockerfile);
			counts.set(difference, (counts.get(difference) ?? 0) + 1);
			if (difference === 'unexplained') {
				unexplained.push({dockerfile, ours, theirs});
			}
		}
	}));
	t.log(Object.fromEntries(counts));
	t.deepEqual(unexplained, []);
});

async function convertHere(dockerfile: string): Promise<Outcome> {
	try {
		const {image} = await convert(dockerfile);
		return comparable({config: image.config ?? {}, author: image.author ?? '', history: image.history ?? []});
	} catch (error) {
		return comparable({error: (error as Error).message});
	}
}

async function buildThere(socket: string, dockerfile: string): Promise<Outcome> {
	return comparable(await buildByDocker(socket, await contextWith(dockerfile), 'Dockerfile'));
}

/** A file `f` and a folder `d` beside the Dockerfile. */
async function contextWith(dockerfile: string): Promise<Uint8Array> {
	const archive = pack();
	archive.entry({name: 'Dockerfile'}, Buffer.from(dockerfile));
	archive.entry({name: 'f'}, 'f');
	archive.entry({name: 'd/g'}, 'g');
	archive.finalize();
	return buffer(archive);
}
