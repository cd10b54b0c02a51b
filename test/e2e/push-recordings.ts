import {execFileSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {comparableOutput, withoutHint} from '../support/comparable-output.ts';
import {makeBaseStore, repeatRecording} from '../support/recording.ts';
import {startRegistry} from '../support/registry.ts';
import {startScriptedRegistry} from '../support/scripted-registry.ts';

/*
The recordings of BuildKit that push, to a real registry, to one that refuses, and to none.
*/

const recordings = path.join(import.meta.dirname, '../../fixtures/recordings/push');
const cleanup = new AsyncDisposableStack();
let registries: ReadonlyMap<string, string>;

test.before('the registries are started', async () => {
	await using store = await makeBaseStore();
	const registry = cleanup.use(await startRegistry());
	const refusing = cleanup.use(await startScriptedRegistry(() => ({status: 401, headers: {'www-authenticate': 'Basic realm="test"'}})));
	const image = 'library/busybox:latest';
	execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${store.directory}/content:localhost:5055/${image}`, `docker://${registry.host}/${image}`], {stdio: 'pipe'});
	registries = new Map([['localhost:5055', registry.host], ['localhost:5056', registry.host], ['localhost:5057', refusing.host]]);
});

test.after.always('the registries are stopped', async () => {
	await cleanup.disposeAsync();
});

const recording = test.macro({
	async exec(t, name: string) {
		const {calls} = await repeatRecording(path.join(recordings, name), {servers: registries});
		for (const {recorded, ours} of calls) {
			const expected = comparableOutput(masked(recorded.stderr), {isAlone: false});
			const actual = comparableOutput(masked(ours.stderr), {isAlone: false});
			t.is(ours.exitCode, recorded.exitCode, ours.stderr);
			t.deepEqual(withoutHint(actual.others), expected.others, ours.stderr);
			t.deepEqual(comparable(actual.steps), comparable(expected.steps), ours.stderr);
		}
	},
	title: (_, name: string) => `${name} is as recorded`,
});

for (const name of readdirSync(recordings)) {
	test(recording, name);
}

/** Without attestations, and without the name in the store that BuildKit does not have here. One registry stands for two of the recorded ones. */
function masked(text: string): string {
	return text
		.replaceAll(/^#\d+ (?:exporting (?:attestation manifest|manifest list)|naming to) .*\n/gmv, '')
		.replaceAll('localhost:5055', 'localhost:5056')
		.replaceAll(/(?<=transferring (?:context|dockerfile): )\d+B/gv, 'SIZE');
}

/** A push that is refused is so before the export with us: of that step only the error counts. */
function comparable(steps: ReadonlyArray<readonly string[]>): ReadonlyArray<readonly string[]> {
	return steps.map(([name = '', ...lines]) => {
		const error = lines.filter(line => line.startsWith('ERROR: '));
		return [name, ...(error.length > 0 ? error : lines)];
	});
}
