import {execFileSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {comparableOutput} from '../support/comparable-output.ts';
import {pushIndex} from '../support/push-index.ts';
import {makeBaseStore, repeatRecording} from '../support/recording.ts';
import {startRegistry} from '../support/registry.ts';
import {startScriptedRegistry, type ScriptedAnswer} from '../support/scripted-registry.ts';

/*
The recordings of BuildKit in which registries play a part, against a real one with the same images, and one that refuses.
*/

const recordings = path.join(import.meta.dirname, '../../fixtures/recordings/pull');
const images = ['localhost:5055/library/busybox:latest', 'localhost:5055/library/debian:bookworm', 'localhost:5055/library/multi:1'];
const cleanup = new AsyncDisposableStack();
let registries: ReadonlyMap<string, string>;

test.before('the registries are started', async () => {
	await using store = await makeBaseStore();
	const registry = cleanup.use(await startRegistry());
	const refusing = cleanup.use(await startScriptedRegistry(refuse));
	for (const image of images) {
		copy(`oci:${store.directory}/content:${image}`, `${registry.host}${image.slice('localhost:5055'.length)}`);
	}

	await pushIndex(registry.host, {repository: 'library/multi', tag: '1'}, [{tag: '1', platform: {os: 'linux', architecture: 'arm64'}}]);
	registries = new Map([['localhost:5055', registry.host], ['localhost:5057', refusing.host]]);
});

test.after.always('the registries are stopped', async () => {
	await cleanup.disposeAsync();
});

function copy(from: string, to: string): void {
	execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', from, `docker://${to}`], {stdio: 'pipe'});
}

function refuse({path: asked}: {readonly path: string}): ScriptedAnswer {
	if (asked.startsWith('/v2/broken/')) {
		return {status: 500};
	}

	return asked.startsWith('/v2/denied/')
		? {status: 403, headers: {'content-type': 'application/json'}, body: JSON.stringify({errors: [{code: 'DENIED', message: 'denied'}]})}
		: {status: 401, headers: {'www-authenticate': 'Basic realm="test"'}};
}

const recording = test.macro({
	async exec(t, name: string) {
		const {calls} = await repeatRecording(path.join(recordings, name), {servers: registries});
		for (const {recorded, ours} of calls) {
			const expected = comparableOutput(masked(recorded.stderr), {isAlone: false});
			const actual = comparableOutput(masked(ours.stderr), {isAlone: false});
			t.is(ours.exitCode, recorded.exitCode, ours.stderr);
			t.deepEqual(actual.steps.filter(([step]) => step !== 'exporting to image'), expected.steps, ours.stderr);
			t.deepEqual(actual.others.slice(0, expected.others.length), expected.others, ours.stderr);
			// Our hint.
			t.true(actual.others.length - expected.others.length <= recorded.exitCode, ours.stderr);
			// Where the recorded build found the base in its cache, ours has to download it.
			t.deepEqual(baseLines(ours.stderr), baseLines((name === 'pull' ? ours : recorded).stderr));
		}
	},
	title: (_, name: string) => `${name} is as recorded`,
});

for (const name of readdirSync(recordings)) {
	test(recording, name);
}

/** The port of a registry makes the file longer; that a registry is asked again is not told by BuildKit. */
function masked(text: string): string {
	return text.replaceAll(/(?<=transferring dockerfile: )\d+B/gv, 'SIZE').replaceAll(/^WARNING: \S+ is asked again in .*\n/gmv, '');
}

/** What the step that takes the base image has said at its end: of each part its last line, without times and sizes. */
function baseLines(text: string): readonly string[] {
	const {number} = /^#(?<number>\d+) \[.*\] FROM /mv.exec(text)?.groups ?? {};
	const lines = text.split('\n')
		.filter(line => number !== undefined && line.startsWith(`#${number} `))
		.map(line => line.replace(/^#\d+ /v, '').replace(/ (?:\d+\.\ds )?done$/v, ' done').replace(/^DONE .*$/v, 'DONE'))
		.map(line => line.replaceAll(/sha256:[\da-f]{64}/gv, 'DIGEST').replaceAll(/\b[\d.]+[GMk]?B\b/gv, 'SIZE'))
		.filter(line => / FROM |done$|^DONE$|^CACHED$/v.test(line));
	return [...new Set(lines)];
}
