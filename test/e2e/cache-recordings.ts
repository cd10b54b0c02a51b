import {execFileSync} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {comparableOutput, withoutHint} from '../support/comparable-output.ts';
import {makeBaseStore, repeatRecording} from '../support/recording.ts';
import {startRegistry} from '../support/registry.ts';

/*
The recordings of BuildKit that write a cache: to a real registry, into an image, and to a registry that is not there. What a second machine makes of a cache is another than there, see docs/differences.md.
*/

const recordings = path.join(import.meta.dirname, '../../fixtures/recordings/cache');
const cleanup = new AsyncDisposableStack();
let registries: ReadonlyMap<string, string>;

test.before('the registry is started', async () => {
	await using store = await makeBaseStore();
	const {host} = cleanup.use(await startRegistry());
	const name = 'localhost:5056/rec/busybox:1';
	execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${store.directory}/content:${name}`, `docker://${host}/rec/busybox:1`], {stdio: 'pipe'});
	registries = new Map([['localhost:5056', host]]);
});

test.after.always('the registry is stopped', async () => {
	await cleanup.disposeAsync();
});

const recording = test.macro({
	async exec(t, name: string) {
		const {calls} = await repeatRecording(path.join(recordings, name), {servers: registries});
		for (const {recorded, ours} of calls) {
			const expected = comparableOutput(masked(recorded.stderr), {isAlone: false});
			const actual = comparableOutput(masked(ours.stderr), {isAlone: false});
			t.is(ours.exitCode, recorded.exitCode);
			t.deepEqual(withoutHint(actual.others), expected.others);
			t.deepEqual(comparable(actual.steps), comparable(expected.steps));
		}
	},
	title: (_, name: string) => `${name} is as recorded`,
});

const names = readdirSync(recordings).filter(name => existsSync(path.join(recordings, name, 'command')));
for (const name of names) {
	test(recording, name);
}

/** Layers are written in any order, and some not at all where another one fails. An image that is asked for by nobody is kept by us. */
function comparable(steps: ReadonlyArray<readonly string[]>): ReadonlyArray<readonly string[]> {
	return steps
		.filter(([name, ...lines]) => name !== 'exporting to image' || lines.some(line => line.startsWith('pushing ')))
		.map(([name = '', ...lines]) => [name, ...[...new Set(lines)].toSorted()]);
}

/** Without the name in the store that BuildKit does not have here, and without what another build had left in its cache. */
function masked(text: string): string {
	return text
		.replaceAll(/^#\d+ naming to .*\n/gmv, '')
		.replaceAll(/^#\d+ CACHED\n/gmv, '')
		.replaceAll(/(?<=transferring (?:context|dockerfile): )\d+B/gv, 'SIZE');
}
