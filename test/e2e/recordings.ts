import {readdirSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {buffer} from 'node:stream/consumers';
import {gzipSync} from 'node:zlib';
import PQueue from 'p-queue';
import {pack} from 'tar-stream';
import test from 'ava';
import {comparableOutput, withoutHint, type ComparableOutput} from '../support/comparable-output.ts';
import {testWithCgroups} from '../support/test-with-cgroups.ts';
import {startWebServer, type WebServer} from '../support/web-server.ts';
import {
	makeBaseStore,
	repeatRecording,
	type BaseStore,
} from '../support/recording.ts';

/*
Every folder of fixtures/recordings is a call of buildx 0.32.2 that was recorded: its context, its command, and what it printed and returned. tsbuild has to print and return the same; of those in `config`, only to make the same image config. docs/conformance.md lists these and the others.
*/

const recordings = path.join(import.meta.dirname, '../../fixtures/recordings');
const builds = new PQueue({concurrency: os.availableParallelism()});
const cleanup = new AsyncDisposableStack();
let store: BaseStore;
let web: WebServer;

test.before('the base images are built, and the files of the web served', async () => {
	store = cleanup.use(await makeBaseStore());
	web = cleanup.use(await startWebServer({
		'/hello.txt': {content: 'hello from http\n', headers: {'last-modified': 'Thu, 02 Jan 2020 03:04:05 GMT'}},
		'/hello.tgz': {content: await packFiles({'d/one': '1', two: '2'})},
		'/Dockerfile.txt': {content: 'FROM localhost:5055/library/busybox:latest\nRUN echo from-url\n'},
		'/ctx.tar.gz': {content: await packFiles({Dockerfile: 'FROM localhost:5055/library/busybox:latest\nCOPY f /f\n', f: 'f'})},
	}));
});

test.after.always('the base images are removed, and the server stopped', async () => {
	await cleanup.disposeAsync();
});

async function packFiles(files: Readonly<Record<string, string>>): Promise<Uint8Array> {
	const archive = pack();
	for (const [name, content] of Object.entries(files)) {
		archive.entry({name}, content);
	}

	archive.finalize();
	return gzipSync(await buffer(archive));
}

const recording = test.macro({
	async exec(t, group: string, name: string) {
		const folder = path.join(recordings, group, name);
		const {calls, config} = await builds.add(async () => repeatRecording(folder, group === 'web' || group === 'config' ? {store, servers: new Map([['127.0.0.1:5058', web.host]])} : {store}));
		t.deepEqual(comparableConfig(config.ours), comparableConfig(config.recorded));
		for (const {recorded, ours, isFirst} of calls) {
			const options = {isAlone: group === 'progress'};
			const mask = group === 'web' ? maskFileSize : (text: string) => text;
			const expected = comparableOutput(mask(recorded.stderr), options);
			const actual = comparableOutput(mask(ours.stderr), options);
			t.is(ours.exitCode, recorded.exitCode, ours.stderr);
			if (group === 'config') {
				continue;
			}

			t.is(maskDigests(ours.stdout), maskDigests(withoutDefinition(recorded.stdout)));
			t.deepEqual(comparableSteps(actual, expected, isFirst), expected.steps, ours.stderr);
			t.deepEqual(recorded.exitCode === 0 ? actual.others : withoutHint(actual.others), expected.others, ours.stderr);
		}
	},
	title: (_, group: string, name: string) => `${group}/${name} is as recorded`,
});

// These need registries, or a store of their own: cache-recordings.ts, disk-recordings.ts, pull-recordings.ts and push-recordings.ts repeat them.
const others = new Set(['cache', 'disk', 'pull', 'push']);
const needCgroups = new Set(['errors/cli-memory']);
const groups = readdirSync(recordings).filter(name => !others.has(name));
for (const group of groups) {
	for (const name of readdirSync(path.join(recordings, group))) {
		const testHere = needCgroups.has(`${group}/${name}`) ? testWithCgroups : test;
		testHere(recording, group, name);
	}
}

/**
Our steps as far as they can be compared: what the daemon of the recordings had done for an earlier one was cached there, and the image goes to our store where buildx leaves it in the build cache.
*/
function comparableSteps(actual: ComparableOutput, expected: ComparableOutput, isFirst: boolean): ComparableOutput['steps'] {
	const cached = new Set(expected.steps.filter(lines => lines.includes('CACHED')).map(([name]) => name));
	const isStored = expected.steps.some(([name]) => name === 'exporting to image');
	return actual.steps
		.filter(([name]) => isStored || name !== 'exporting to image')
		.map(lines => (isFirst && cached.has(lines[0]) ? [lines[0]!, 'CACHED'] : lines));
}

/** The port of a server makes the file longer, and no archive is made twice with the same size. */
function maskFileSize(text: string): string {
	return text.replaceAll(/(?<=transferring (?:context|dockerfile): )[\d.]+k?B/gv, 'SIZE');
}

/** The JSON of checks holds what BuildKit read the file by, which nobody else has. */
function withoutDefinition(text: string): string {
	return text.replaceAll(/^ {6}"definition": \{\n.*?^ {6}\},\n/gmsv, '');
}

function maskDigests(text: string): string {
	return text.replaceAll(/sha256:[\da-f]{64}/gv, 'DIGEST');
}

/** A config without times, digests, and what the base image did. */
function comparableConfig(config: string): unknown {
	const text = maskDigests(config).replaceAll(/"\d{4}-\d\d-\d\dT[\d.:]+Z"/gv, '"TIME"');
	const masked = JSON.parse(text) as {history?: ReadonlyArray<{created_by: string}> | null};
	const base = new Set(['BusyBox', 'CMD ["sh"]', 'COPY / / # buildkit', 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
	return {...masked, history: masked.history?.filter(entry => !base.has(entry.created_by)) ?? null};
}
