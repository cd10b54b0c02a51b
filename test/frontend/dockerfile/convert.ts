import {Buffer} from 'node:buffer';
import test from 'ava';
import type {ResolveImage, ResolveImageOptions} from '../../../frontend/dockerfile/base-images.ts';
import type {DockerfileResult} from '../../../frontend/dockerfile/convert.ts';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import type {DefinitionVertex} from '../../../src/definition/definition.ts';
import type {
	CopyAction,
	ExecOperation,
	Operation,
} from '../../../src/definition/operations.ts';
import {TsbuildError} from '../../../src/kernel/errors.ts';
import type {ImageConfig} from '../../../src/kernel/oci-types.ts';
import {busyboxConfig, convert, resolveKnownImage} from './_conversion.ts';

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function findVertex({definition}: DockerfileResult, name: string): DefinitionVertex {
	const [digest] = definition.metadata.entries().find(([, metadata]) => metadata.name.endsWith(name)) ?? [];
	return definition.vertexes.get(digest!)!;
}

function findRun(result: DockerfileResult, command: string): ExecOperation {
	return findVertex(result, `RUN ${command}`).operation as ExecOperation;
}

function operations({definition}: DockerfileResult): readonly Operation[] {
	return definition.vertexes.values().map(({operation}) => operation).toArray();
}

function copyActions(result: DockerfileResult): readonly CopyAction[] {
	const file = operations(result).findLast(operation => operation.kind === 'file')!;
	return file.actions as readonly CopyAction[];
}

function names({definition}: DockerfileResult): readonly string[] {
	return definition.metadata.values().map(({name}) => name).toArray();
}

function resolver(configs: Readonly<Record<string, ImageConfig>>): {readonly resolveImage: ResolveImage; readonly calls: Array<readonly [string, ResolveImageOptions]>} {
	const calls: Array<readonly [string, ResolveImageOptions]> = [];
	const resolveImage: ResolveImage = async (reference, options) => {
		calls.push([reference, options]);
		const image = await resolveKnownImage('docker.io/library/busybox:latest');
		return {...image, reference, config: configs[reference] ?? busyboxConfig};
	};

	return {resolveImage, calls};
}

test('a RUN has the variables of the image, ENV and ARG in the order in which they were set last', async t => {
	const result = await convert('FROM busybox\nARG A=1\nENV B=2 C=3\nENV B=$A$C\nARG D\nRUN x', {buildArgs: {A: 'a', unused: 'u'}});
	t.deepEqual(findRun(result, 'x').env, [path, 'A=a', 'C=3', 'B=a3']);
	t.deepEqual(result.image.config.Env, [path, 'B=a3', 'C=3']);
});

test('PATH comes first when the base has none', async t => {
	const result = await convert('FROM scratch\nENV A=1\nRUN x');
	t.deepEqual(findRun(result, 'x').env, [path, 'A=1']);
});

test('PATH follows the variables of a base without it', async t => {
	const {resolveImage} = resolver({'docker.io/library/busybox:latest': {...busyboxConfig, config: {Env: ['A=1']}}});
	const result = await convert('FROM busybox\nRUN x', {}, {resolveImage});
	t.deepEqual(findRun(result, 'x').env, ['A=1', path]);
	t.is(result.image.config.WorkingDir, '/');
});

test('the values of one ENV see the variables from before it', async t => {
	const {image} = await convert('FROM scratch\nENV a=hello\nENV a=bye b=$a\nENV c=$b');
	t.deepEqual(image.config.Env, [path, 'a=bye', 'b=hello', 'c=hello']);
});

test('of an ENV and an ARG of one name the later one is seen, and the image has the ENV', async t => {
	const result = await convert('FROM scratch\nENV A=env\nARG A=arg\nRUN x\nARG B=arg\nENV B=env\nRUN y');
	t.deepEqual(findRun(result, 'x').env, [path, 'A=arg']);
	t.deepEqual(findRun(result, 'y').env, [path, 'A=arg', 'B=env']);
	t.deepEqual(result.image.config.Env, [path, 'A=env', 'B=env']);
});

test('ARG takes the global value, a default wins over it, and what the user gives over both', async t => {
	const dockerfile = 'ARG V=global\nARG W=global\nARG X=$V-$W\nFROM scratch\nARG V\nARG W=stage\nARG X\nRUN x';
	t.deepEqual(findRun(await convert(dockerfile), 'x').env, [path, 'V=global', 'W=stage', 'X=global-global']);
	t.deepEqual(findRun(await convert(dockerfile, {buildArgs: {W: 'user'}}), 'x').env, [path, 'V=global', 'W=user', 'X=global-user']);
});

test('a global ARG is not seen in a stage that does not declare it', async t => {
	const {image} = await convert('ARG V=global\nFROM scratch\nLABEL v=$V.');
	t.deepEqual(image.config.Labels, {v: '.'});
});

test('stages that begin with a stage see its ARGs, others do not', async t => {
	const dockerfile = 'FROM scratch AS a\nARG V=1\nFROM a AS b\nRUN b $V\nFROM scratch AS c\nRUN c $V\nFROM scratch\nCOPY --from=b / /\nCOPY --from=c / /';
	const result = await convert(dockerfile);
	t.deepEqual(findRun(result, 'b 1').env, ['V=1', path]);
	t.deepEqual(findRun(result, 'c $V').env, [path]);
});

test('an ARG wins over an ENV before it, but not in stages that begin with that one', async t => {
	const result = await convert('FROM scratch AS a\nENV V=env\nARG V=arg W=arg\nRUN a $V\nFROM a\nRUN b $V');
	t.deepEqual(findRun(result, 'a arg').env, [path, 'V=arg', 'W=arg']);
	t.deepEqual(findRun(result, 'b env').env, ['W=arg', path, 'V=env']);
});

test('an ARG without any value is no variable, but stands in the history', async t => {
	const result = await convert('FROM scratch\nARG V\nRUN x');
	t.deepEqual(findRun(result, 'x').env, [path]);
	t.deepEqual(result.image.history?.map(entry => entry.created_by), ['ARG V', 'RUN |1 V= /bin/sh -c x # buildkit']);
});

test('the platforms are predefined and can be declared', async t => {
	const dockerfile = 'FROM --platform=$BUILDPLATFORM busybox\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT BUILDOS TARGETSTAGE\nRUN x';
	const {env, platform} = findRun(await convert(dockerfile, {platform: 'linux/arm/v7'}), 'x');
	t.deepEqual(env, [path, 'TARGETPLATFORM=linux/arm/v7', 'TARGETARCH=arm', 'TARGETVARIANT=v7', 'BUILDOS=linux', 'TARGETSTAGE=default']);
	t.deepEqual(platform, {os: 'linux', architecture: 'amd64'});
	t.is(findRun(await convert(dockerfile, {buildArgs: {TARGETARCH: 'mine'}}), 'x').env.at(2), 'TARGETARCH=mine');
});

test('proxies are given to every RUN without being part of it', async t => {
	const buildArgs = {HTTP_PROXY: 'http://p:1', no_proxy: 'localhost', OTHER: 'x'};
	const result = await convert('FROM busybox\nRUN x', {buildArgs});
	t.deepEqual(result.proxyEnvironment, ['HTTP_PROXY=http://p:1', 'http_proxy=http://p:1', 'NO_PROXY=localhost', 'no_proxy=localhost']);
	const {definition} = await convert('FROM busybox\nRUN x');
	t.is(result.definition.result, definition.result);
});

test('a RUN knows its directory, user, shell, network and security', async t => {
	const dockerfile = 'FROM busybox\nWORKDIR /a/\nWORKDIR b\nUSER me:us\nSHELL ["/bin/ash", "-ec"]\nRUN --network=none --security=insecure x  y\nRUN ["z", "$HOME"]\nRUN --network=default w';
	const result = await convert(dockerfile, {}, {network: 'host'});
	t.like(findRun(result, '--network=none --security=insecure x  y'), {
		args: ['/bin/ash', '-ec', 'x  y'], cwd: '/a/b', user: 'me:us', network: 'none', security: 'insecure', mounts: [],
	});
	t.like(findRun(result, '["z", "$HOME"]'), {args: ['z', '$HOME'], network: 'host', security: 'sandbox'});
	t.is(findRun(result, '--network=default w').network, 'host');
});

test('a WORKDIR makes a directory that belongs to the current user', async t => {
	const result = await convert('FROM scratch\nWORKDIR /a/./b/../c/\nUSER 5:6\nWORKDIR "d e"\nWORKDIR $unset\nWORKDIR /');
	const made = operations(result).flatMap(operation => operation.kind === 'file' ? operation.actions : []);
	t.deepEqual(made, [
		{action: 'make-directory', path: '/a/c', mode: 0o755},
		{
			action: 'make-directory', path: '/a/c/d e', mode: 0o755, owner: '5:6',
		},
		{
			action: 'make-directory', path: '/a/c/d e', mode: 0o755, owner: '5:6',
		},
	]);
	t.is(result.image.config.WorkingDir, '/');
	t.deepEqual(result.image.history?.map(entry => entry.empty_layer ?? false), [false, true, false, false, true]);
});

test('an absolute WORKDIR stays in the config as it is written', async t => {
	const {image} = await convert('FROM scratch\nWORKDIR /app/\nCMD ["x"]');
	t.is(image.config.WorkingDir, '/app/');
});

test('a COPY copies from the build context into its own layer', async t => {
	const result = await convert('FROM busybox\nWORKDIR /w\nCOPY --chown=me:7 --chmod=640 --exclude=*.md --exclude=**/x ../a/ b*.txt d/');
	const {operation, inputs} = findVertex(result, 'COPY --chown=me:7 --chmod=640 --exclude=*.md --exclude=**/x ../a/ b*.txt d/');
	t.like(operation, {kind: 'file', root: 0});
	t.deepEqual(inputs.map(input => result.definition.metadata.get(input)?.name), ['[2/3] WORKDIR /w', '[internal] load build context']);
	const common = {
		action: 'copy', input: 1, destination: '/w/d/', allowWildcard: true, allowEmptyWildcard: true, directoryContentsOnly: true, createDestinationPath: true,
		followSymlinks: true, owner: 'me:7', mode: '0640', attemptUnpack: false, keepParents: false, include: [], exclude: ['*.md', '**/x'],
	} as const;
	t.deepEqual(copyActions(result), [{...common, source: '/a'}, {...common, source: '/b*.txt'}]);
});

test('an ADD unpacks archives unless it is told not to', async t => {
	t.true(copyActions(await convert('FROM scratch\nADD a.tar /')).every(action => action.attemptUnpack));
	t.false(copyActions(await convert('FROM scratch\nADD --unpack=false a.tar /')).some(action => action.attemptUnpack));
});

test('COPY --parents keeps what stands behind the pivot', async t => {
	const actions = copyActions(await convert('FROM scratch\nCOPY --parents a/./b/../c/*.txt d/e /x/'));
	t.deepEqual(actions.map(({source, include, keepParents}) => ({source, include, keepParents})), [
		{source: '/a', include: ['c/*.txt'], keepParents: true},
		{source: '/', include: ['d/e'], keepParents: true},
	]);
});

test('a COPY of heredocs makes files of them, with variables unless the name is quoted', async t => {
	const result = await convert('FROM scratch\nENV V=v\nCOPY a <<b <<-"c" /d/\n$V "\\$V"\nb\n\t$V\nc\n');
	const files = operations(result).flatMap(operation => operation.kind === 'file' ? operation.actions : []).filter(action => action.action === 'make-file');
	t.deepEqual(files, [
		{
			action: 'make-file', path: '/b', content: 'v "$V"\n', mode: 0o644,
		},
		{
			action: 'make-file', path: '/c', content: '$V\n', mode: 0o644,
		},
	]);
	t.deepEqual(copyActions(result).map(({source, destination, input}) => [source, destination, input]), [['/a', '/d/', 0], ['/b', '/d/', 1], ['/c', '/d/', 2]]);
	t.is(result.image.history?.at(-1)?.created_by, 'COPY a <<b <<c /d/ # buildkit');
});

test('the name of a heredoc does not leave the directory', async t => {
	const result = await convert('FROM scratch\nCOPY <<../../etc/x /d/\na\n../../etc/x\n');
	t.deepEqual(copyActions(result).map(({source}) => source), ['/etc/x']);
});

test('a RUN of a heredoc alone gives it to the shell', async t => {
	const result = await convert('FROM busybox\nRUN <<-EOF\n\techo a\n\techo b\nEOF\n');
	t.deepEqual(findRun(result, '<<-EOF (echo a...)').args, ['/bin/sh', '-c', 'echo a\necho b\n']);
});

test('a RUN with a command leaves its heredocs to the shell', async t => {
	const result = await convert('FROM busybox\nRUN <<A cat && cat 3<<"B"\na\nA\nb\nB\n');
	t.deepEqual(findRun(result, '<<A cat && cat 3<<"B"').args, ['/bin/sh', '-c', '<<A cat && cat 3<<"B"\na\nA\nb\nB']);
});

test('a heredoc with an interpreter is a file that is run', async t => {
	const result = await convert('FROM busybox\nRUN <<EOF\n#!/bin/sh -x\necho a\nEOF\n');
	const {operation, inputs} = findVertex(result, 'RUN <<EOF (#!/bin/sh -x...)');
	t.like(operation, {
		args: ['/bin/sh', '-c', '/dev/pipes/EOF'], mounts: [{
			type: 'bind', input: 1, source: '/', target: '/dev/pipes', readOnly: true,
		}],
	});
	t.like(result.definition.vertexes.get(inputs[1]!)?.operation, {
		actions: [{
			action: 'make-file', path: '/EOF', content: '#!/bin/sh -x\necho a\n', mode: 0o755,
		}],
	});
});

test('stages that the target does not need are neither converted nor looked up', async t => {
	const {resolveImage, calls} = resolver({});
	const dockerfile = 'FROM one AS a\nRUN a\nFROM two AS b\nRUN b\nCOPY --from=three / /\nEXPOSE nope\nFROM a AS c\nRUN c\nFROM four';
	const result = await convert(dockerfile, {target: 'C'}, {resolveImage});
	t.deepEqual(calls.map(([reference]) => reference), ['docker.io/library/one:latest']);
	t.deepEqual(names(result).map(name => name.replace(/@.*/v, '')), ['[a 1/2] FROM docker.io/library/one:latest', '[a 2/2] RUN a', '[c 1/1] RUN c']);
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
	const {resolveImage} = resolver({'docker.io/library/empty:latest': {...busyboxConfig, rootfs: {type: 'layers', diff_ids: []}}});
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

test('triggers of the base are carried out where the stage begins, and no later', async t => {
	const dockerfile = 'FROM busybox AS a\nONBUILD COPY --from=other /x /\nONBUILD RUN <<E\nhi\nE\nFROM a AS other2\nFROM busybox AS other\nFROM a AS b\nRUN b\nFROM b\nRUN c';
	const result = await convert(dockerfile.replace('FROM a AS other2\n', '').replace('FROM busybox AS other\n', '').replace('FROM busybox AS a', 'FROM busybox AS other\nFROM busybox AS a'));
	t.deepEqual(names(result).slice(1), ['[b 1/3] ONBUILD COPY --from=other /x /', '[b 2/3] ONBUILD RUN <<E (hi)', '[b 3/3] RUN b', '[stage-3 1/1] RUN c']);
	t.deepEqual(result.definition.metadata.get(result.definition.vertexes.get(result.definition.result!)!.inputs[0]!)?.locations.map(({startLine}) => startLine), [8]);
	t.is(result.image.config.OnBuild, undefined);
});

test('triggers that are none are refused at the FROM', async t => {
	const expected = async (trigger: string, message: string) => {
		const {resolveImage} = resolver({'docker.io/library/hostile:latest': {...busyboxConfig, config: {OnBuild: [trigger]}}});
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
	const {resolveImage, calls} = resolver({});
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
	t.false(names(result).some(name => name.includes('never')));
	t.true(names(result).includes('[context tools] docker.io/library/tools:latest'));
});

test('an image of an OCI layout is named as by BuildKit', async t => {
	const resolveImage: ResolveImage = async reference => ({...await resolveKnownImage('docker.io/library/busybox:latest'), reference, location: {type: 'oci-layout', directory: '/layout'}});
	const result = await convert('FROM base\nRUN x', {namedContexts: ['base']}, {resolveImage});
	t.deepEqual(names(result), ['[context base] OCI load from client', '[2/2] RUN x'].map(name => name.replace('[2/2]', '[1/2]')));
	t.like(operations(result)[0], {kind: 'source-image', location: {type: 'oci-layout', directory: '/layout'}});
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

test('the platform that was asked for is that of the image', async t => {
	const inherited = await convert('FROM localhost:5056/rec/multi:1\nCMD ["x"]');
	t.like(inherited.image, {os: 'linux', architecture: 'arm64'});
	const wanted = await convert('FROM scratch\nCMD ["x"]', {platform: 'linux/arm/v7'});
	t.like(wanted.image, {architecture: 'arm', variant: 'v7'});
});

test('properties of a base image that Docker does not know are left out', async t => {
	const hostile = {...busyboxConfig, container: 'x', config: {...busyboxConfig.config, Secret: 'x', __proto__: {User: 'evil'}}};
	const {resolveImage} = resolver({'docker.io/library/busybox:latest': hostile});
	const {image} = await convert('FROM busybox', {}, {resolveImage});
	t.deepEqual(Object.keys(image.config).toSorted(), ['ArgsEscaped', 'Cmd', 'Env', 'WorkingDir']);
	t.false('container' in image);
});

test('labels and variables may have the names of object properties', async t => {
	const {image} = await convert('FROM scratch\nLABEL __proto__=a constructor=b\nENV __proto__=c\nVOLUME __proto__');
	t.deepEqual(Object.entries(image.config.Labels ?? {}), [['__proto__', 'a'], ['constructor', 'b']]);
	t.true(image.config.Env?.includes('__proto__=c'));
	t.deepEqual(Object.keys(image.config.Volumes ?? {}), ['__proto__']);
});

type Refusal = {readonly code: string; readonly message: string; readonly line: number};

const refuses = test.macro<[dockerfile: string, refusal: Refusal]>(async (t, dockerfile, {code, message, line}) => {
	const error = await t.throwsAsync(convert(dockerfile), {instanceOf: DockerfileError, code: `ERR_TSBUILD_DOCKERFILE_${code}`, message});
	t.is(error.location?.startLine, line);
});

test('an SSH mount has no source', refuses, 'FROM scratch\nRUN --mount=type=ssh,source=/a x', {
	code: 'VALUE',
	message: 'ssh does not support source',
	line: 2,
});
test('a mount comes from no variable', refuses, 'FROM scratch\nRUN --mount=from=$X,target=/c x', {
	code: 'SYNTAX',
	message: '\'from\' doesn\'t support variable expansion, define alias stage instead',
	line: 2,
});
test('a mount comes from an earlier stage', refuses, 'FROM scratch AS first\nRUN --mount=from=later,target=/c x\nFROM scratch AS later\nFROM first', {
	code: 'STAGE',
	message: 'cannot mount from stage "later" to "/c", stage needs to be defined before current command',
	line: 2,
});
test('a mount has a target', refuses, 'FROM scratch\nRUN --mount=type=tmpfs,target=/ x', {
	code: 'VALUE',
	message: 'invalid mount target "/"',
	line: 2,
});
test('a COPY takes no URL', refuses, 'FROM scratch\nCOPY https://example.com/a /', {
	code: 'VALUE',
	message: 'source can\'t be a URL for COPY',
	line: 2,
});
test('a COPY takes no repository', refuses, 'FROM scratch\nCOPY https://example.com/a.git /', {
	code: 'VALUE',
	message: 'source can\'t be a git ref for COPY',
	line: 2,
});
test('a COPY takes no heredoc as destination', refuses, 'FROM scratch\nCOPY a <<E\nE\n', {
	code: 'SYNTAX',
	message: 'dockerfile parse error on line 2: COPY cannot accept a heredoc as a destination',
	line: 2,
});
test('a checksum is for one source', refuses, 'FROM scratch\nADD --checksum=sha256:0 https://a/b c /', {
	code: 'VALUE',
	message: 'checksum can\'t be specified for multiple sources',
	line: 2,
});
test('a stage is copied from only after it', refuses, 'FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nFROM scratch\nCOPY --from=a / /', {
	code: 'STAGE',
	message: 'cannot copy from stage "b", it needs to be defined before current stage "a"',
	line: 2,
});
test('a platform must not be empty', refuses, 'FROM --platform=$TARGETPLATFROM scratch', {
	code: 'VALUE',
	message: 'empty platform value from expression $TARGETPLATFROM (did you mean TARGETPLATFORM?)',
	line: 1,
});
test('the first wrong line wins over later instructions', refuses, 'FROM scratch\nFOO x\nENV A', {
	code: 'SYNTAX',
	message: 'ENV must have two arguments',
	line: 3,
});
test('more than 10,000 instructions are refused', refuses, `FROM scratch\n${'RUN x\n'.repeat(10_000)}`, {
	code: 'LIMIT',
	message: 'dockerfile has more than 10000 instructions',
	line: 10_001,
});
test('variables that grow without end are refused', refuses, `FROM scratch\nENV A=aaaaaaaaaa\n${'ENV A=$A$A$A$A$A$A$A$A$A$A\n'.repeat(20)}`, {
	code: 'LIMIT',
	message: 'failed to expand the variables of the Dockerfile: the text becomes too long',
	line: 9,
});
test('the stages of a long circle are found', refuses, Array.from({length: 4000}, (_, index) => `FROM scratch AS s${index}\nCOPY --from=s${(index + 1) % 4000} / /\n`).join(''), {
	code: 'STAGE',
	message: 'circular dependency detected on stage: s0',
	line: 8000,
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
