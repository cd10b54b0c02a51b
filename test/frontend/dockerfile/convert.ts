import {Buffer} from 'node:buffer';
import test from 'ava';
import type {ResolveImage} from '../../../frontend/dockerfile/base-images.ts';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {busyboxConfig, convert, resolveKnownImage} from '../../support/conversion.ts';
import {
	copyActions,
	findRun,
	vertexNames,
	resolverOf,
} from '../../support/conversion-results.ts';

test('stages that the target does not need are neither converted nor looked up', async t => {
	const {resolveImage, calls} = resolverOf({});
	const dockerfile = 'FROM one AS a\nRUN a\nFROM two AS b\nRUN b\nCOPY --from=three / /\nEXPOSE nope\nFROM a AS c\nRUN c\nFROM four';
	const result = await convert(dockerfile, {target: 'C'}, {resolveImage});
	t.deepEqual(calls.map(([reference]) => reference), ['docker.io/library/one:latest']);
	t.deepEqual(vertexNames(result).map(name => name.replace(/@.*/v, '')), ['[a 1/2] FROM docker.io/library/one:latest', '[a 2/2] RUN a', '[c 1/1] RUN c']);
});

test('each image is looked up once, all at the same time', async t => {
	const {promise: everyoneAsked, resolve: release} = Promise.withResolvers<void>();
	const asked: string[] = [];
	const resolveImage: ResolveImage = async (reference, {platform}) => {
		asked.push(`${reference} ${platform.architecture}`);
		if (asked.length === 3) {
			release();
		}

		await everyoneAsked;
		return resolveKnownImage('docker.io/library/busybox:latest');
	};

	const dockerfile = [
		'FROM one',
		'RUN a',
		'FROM one',
		'COPY --from=0 / /',
		'COPY --from=two / /',
		'COPY --from=docker.io/library/two / /',
		'FROM --platform=linux/arm64 one AS x',
		'FROM scratch',
		'COPY --from=1 / /',
		'COPY --from=x / /',
	];
	await convert(dockerfile.join('\n'), {}, {resolveImage});
	t.deepEqual(asked.toSorted(), ['docker.io/library/one:latest amd64', 'docker.io/library/one:latest arm64', 'docker.io/library/two:latest amd64']);
});

test('equal stages are one chain of vertexes', async t => {
	const {definition} = await convert('FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\nFROM scratch\nCOPY --from=a /1 /\nCOPY --from=b /1 /');
	t.is(definition.vertexes.values().filter(({operation}) => operation.kind === 'exec').toArray().length, 1);
});

test('scratch and images without layers are the empty file system', async t => {
	const scratch = await convert('FROM scratch\nENV A=1');
	t.is(scratch.definition.result, null);
	const {resolveImage} = resolverOf({'docker.io/library/empty:latest': {...busyboxConfig, rootfs: {type: 'layers', diff_ids: []}}});
	const result = await convert('FROM empty\nRUN x\nCOPY --from=empty / /', {}, {resolveImage});
	t.is(findRun(result, 'x').root, null);
	t.is(copyActions(result)[0]?.input, null);
});

test('the cache is not asked where that is wished', async t => {
	const dockerfile = 'FROM busybox AS a\nRUN a\nWORKDIR /w\nCOPY x /\nFROM a AS b\nRUN b';
	const ignored = async (noCache: boolean | readonly string[]) => {
		const {definition} = await convert(dockerfile, {}, {noCache});
		return definition.metadata.values().filter(({ignoreCache}) => ignoreCache).map(({name}) => name).toArray();
	};

	t.deepEqual(await ignored(false), []);
	t.deepEqual(await ignored(true), ['[a 2/4] RUN a', '[a 4/4] COPY x /', '[b 1/1] RUN b']);
	t.deepEqual(await ignored(['B']), ['[b 1/1] RUN b']);
});

test('a vertex knows its lines', async t => {
	const {definition} = await convert('FROM busybox\n\nRUN a \\\n  b\n');
	t.deepEqual(definition.metadata.values().map(({locations}) => locations).toArray(), [
		[{file: 'Dockerfile', startLine: 1, endLine: 1}],
		[{file: 'Dockerfile', startLine: 3, endLine: 4}],
	]);
});

test('an aborted look-up ends with the reason', async t => {
	const controller = new AbortController();
	const reason = new Error('enough');
	const resolveImage: ResolveImage = async () => {
		controller.abort(reason);
		throw new Error('connection closed');
	};

	const error = await t.throwsAsync(convert('FROM busybox', {}, {resolveImage, signal: controller.signal}));
	t.is(error, reason);
});

test('labels and variables may have the names of object properties', async t => {
	const {image} = await convert('FROM scratch\nLABEL __proto__=a constructor=b\nENV __proto__=c\nVOLUME __proto__');
	t.deepEqual(Object.entries(image.config.Labels ?? {}), [['__proto__', 'a'], ['constructor', 'b']]);
	t.true(image.config.Env?.includes('__proto__=c'));
	t.deepEqual(Object.keys(image.config.Volumes ?? {}), ['__proto__']);
});

test('a target that does not exist is refused with the one that may be meant', async t => {
	const error = await t.throwsAsync(convert('FROM scratch AS build', {target: 'biuld'}), {instanceOf: DockerfileError, message: 'target stage "biuld" could not be found (did you mean build?)'});
	t.is(error.code, 'ERR_TSBUILD_DOCKERFILE_STAGE');
	t.is(error.location, undefined);
});

test('the same file gives the same definition', async t => {
	const dockerfile = Buffer.from('FROM busybox AS a\nARG A=1\nRUN a\nFROM a\nCOPY --from=a /x /y\nLABEL b=c');
	const [first, second] = [await convert(dockerfile), await convert(dockerfile)];
	t.deepEqual(first, second);
});
