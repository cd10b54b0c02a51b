import fs from 'node:fs/promises';
import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {convert, type RecordedOptions} from '../../support/conversion.ts';

/*
Every folder of fixtures/dockerfile is a build that BuildKit 0.32.2 was asked for: its Dockerfile, and what BuildKit made or said. The first word of its name tells what is compared.
*/

const fixtures = new URL('../../../fixtures/dockerfile/', import.meta.url);
const names = await fs.readdir(fixtures);

type Recording<Expected> = {readonly dockerfile: Uint8Array; readonly expected: Expected & {readonly options?: RecordedOptions}};

async function readRecording<Expected>(name: string): Promise<Recording<Expected>> {
	const dockerfile = await fs.readFile(new URL(`${name}/Dockerfile`, fixtures));
	const expected = await fs.readFile(new URL(`${name}/expected.json`, fixtures), 'utf8');
	return {dockerfile, expected: JSON.parse(expected) as Recording<Expected>['expected']};
}

function recordingsOf(kind: 'error' | 'image' | 'progress'): readonly string[] {
	return names.filter(name => name.startsWith(`${kind}-`)).toSorted();
}

const failure = test.macro<[string]>(async (t, name) => {
	const {dockerfile, expected} = await readRecording<{readonly message: string; readonly lines: ReadonlyArray<readonly [number, number]>}>(name);
	const error = await t.throwsAsync(convert(dockerfile, expected.options), {instanceOf: DockerfileError});
	t.is(error.message, expected.message);
	t.deepEqual(error.locations.map(({startLine, endLine}) => [startLine, endLine]), expected.lines.map(([start, end]) => [start, end]));
});

const imageConfig = test.macro<[string]>(async (t, name) => {
	const {dockerfile, expected} = await readRecording<{readonly config: Record<string, unknown>}>(name);
	const {image: {rootfs: _layers, history, ...image}} = await convert(dockerfile, expected.options);
	const {history: expectedHistory, ...expectedImage} = expected.config;
	t.deepEqual<unknown, unknown>(image, expectedImage);
	t.deepEqual<unknown, unknown>(history, expectedHistory ?? []);
});

const vertexNames = test.macro<[string]>(async (t, name) => {
	const {dockerfile, expected} = await readRecording<{readonly names: readonly string[]}>(name);
	const {definition} = await convert(dockerfile, expected.options);
	const shown = new Set(definition.metadata.values().map(metadata => metadata.name));
	t.deepEqual([...shown].toSorted(), [...expected.names]);
});

test('there are recordings of every kind', t => {
	t.true(recordingsOf('error').length > 100);
	t.true(recordingsOf('image').length > 10);
	t.true(recordingsOf('progress').length > 10);
});

for (const name of recordingsOf('error')) {
	test(`${name}: the message and the lines are those of BuildKit`, failure, name);
}

for (const name of recordingsOf('image')) {
	test(`${name}: the image config is that of BuildKit`, imageConfig, name);
}

for (const name of recordingsOf('progress')) {
	test(`${name}: the vertexes are named as by BuildKit`, vertexNames, name);
}
