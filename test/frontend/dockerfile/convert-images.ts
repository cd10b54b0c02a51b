import test from 'ava';
import type {ResolveImage} from '../../../frontend/dockerfile/base-images.ts';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {TsbuildError} from '../../../src/kernel/errors.ts';
import {busyboxConfig, convert, resolveKnownImage} from '../../support/conversion.ts';
import {operationsOf, vertexNames, resolverOf} from '../../support/conversion-results.ts';

test('triggers of the base are carried out where the stage begins, and no later', async t => {
	const dockerfile = 'FROM busybox AS a\nONBUILD COPY --from=other /x /\nONBUILD RUN <<E\nhi\nE\nFROM a AS other2\nFROM busybox AS other\nFROM a AS b\nRUN b\nFROM b\nRUN c';
	const result = await convert(dockerfile.replace('FROM a AS other2\n', '').replace('FROM busybox AS other\n', '').replace('FROM busybox AS a', 'FROM busybox AS other\nFROM busybox AS a'));
	t.deepEqual(vertexNames(result).slice(1), ['[b 1/3] ONBUILD COPY --from=other /x /', '[b 2/3] ONBUILD RUN <<E (hi)', '[b 3/3] RUN b', '[stage-3 1/1] RUN c']);
	t.deepEqual(result.definition.metadata.get(result.definition.vertexes.get(result.definition.result!)!.inputs[0]!)?.locations.map(({startLine}) => startLine), [8]);
	t.is(result.image.config.OnBuild, undefined);
});

test('triggers that are none are refused at the FROM', async t => {
	const expected = async (trigger: string, message: string) => {
		const {resolveImage} = resolverOf({'docker.io/library/hostile:latest': {...busyboxConfig, config: {OnBuild: [trigger]}}});
		const error = await t.throwsAsync(convert('ARG A\nFROM hostile', {}, {resolveImage}), {instanceOf: DockerfileError, message});
		t.is(error.location?.startLine, 2);
	};

	await expected('FROM x', 'FROM isn\'t allowed as an ONBUILD trigger');
	await expected('RUNN x', 'unknown instruction: RUNN (did you mean RUN?)');
	await expected('RUN a\nRUN b', 'onbuild trigger should be a single expression');
	await expected('COPY a', 'COPY requires at least two arguments, but only one was provided. Destination could not be determined');
	await expected('', 'the Dockerfile cannot be empty');
});

test('named contexts win over images, and stages over named contexts', async t => {
	const {resolveImage, calls} = resolverOf({});
	const dockerfile = [
		'FROM busybox AS mine',
		'RUN x',
		'FROM docker.io/library/alpine:latest',
		'COPY --from=tools /a /',
		'COPY --from=mine /a /',
		'FROM scratch AS replaced',
		'RUN never',
		'FROM scratch',
		'COPY --from=1 / /',
		'COPY --from=replaced / /',
	];
	const result = await convert(dockerfile.join('\n'), {namedContexts: ['alpine', 'tools', 'replaced', 'scratch']}, {resolveImage});
	t.deepEqual(new Map(calls.map(([reference, {namedContext}]) => [reference, namedContext])), new Map([
		['docker.io/library/busybox:latest', undefined],
		['docker.io/library/alpine:latest', 'alpine'],
		['docker.io/library/tools:latest', 'tools'],
		['docker.io/library/replaced:latest', 'replaced'],
	]));
	t.false(vertexNames(result).some(name => name.includes('never')));
	t.true(vertexNames(result).includes('[context tools] docker.io/library/tools:latest'));
});

test('an image of an OCI layout is named as by BuildKit', async t => {
	const resolveImage: ResolveImage = async reference => ({...await resolveKnownImage('docker.io/library/busybox:latest'), reference, location: {type: 'oci-layout', directory: '/layout'}});
	const result = await convert('FROM base\nRUN x', {namedContexts: ['base']}, {resolveImage});
	t.deepEqual(vertexNames(result), ['[context base] OCI load from client', '[2/2] RUN x'].map(name => name.replace('[2/2]', '[1/2]')));
	t.like(operationsOf(result)[0], {kind: 'source-image', location: {type: 'oci-layout', directory: '/layout'}});
});

test('an image that cannot be found is told with its line and its cause', async t => {
	const error = await t.throwsAsync(convert('FROM busybox\nCOPY --from=busybo /a /b'), {
		instanceOf: DockerfileError,
		code: 'ERR_TSBUILD_DOCKERFILE_BASE_IMAGE',
		message: 'busybo: failed to resolve source metadata for docker.io/library/busybo:latest: docker.io/library/busybo:latest: not found (did you mean busybox?)',
	});
	t.is(error.location?.startLine, 2);
	t.true(error.cause instanceof TsbuildError);
});

test('the platform that was asked for is that of the image', async t => {
	const inherited = await convert('FROM localhost:5056/rec/multi:1\nCMD ["x"]');
	t.like(inherited.image, {os: 'linux', architecture: 'arm64'});
	const wanted = await convert('FROM scratch\nCMD ["x"]', {platform: 'linux/arm/v7'});
	t.like(wanted.image, {architecture: 'arm', variant: 'v7'});
});

test('properties of a base image that Docker does not know are left out', async t => {
	const hostile = {...busyboxConfig, container: 'x', config: {...busyboxConfig.config, Secret: 'x', __proto__: {User: 'evil'}}};
	const {resolveImage} = resolverOf({'docker.io/library/busybox:latest': hostile});
	const {image} = await convert('FROM busybox', {}, {resolveImage});
	t.deepEqual(Object.keys(image.config).toSorted(), ['ArgsEscaped', 'Cmd', 'Env', 'WorkingDir']);
	t.false('container' in image);
});
