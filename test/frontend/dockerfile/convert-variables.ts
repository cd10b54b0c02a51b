import test from 'ava';
import {busyboxConfig, convert} from '../../support/conversion.ts';
import {findRun, resolverOf} from '../../support/conversion-results.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

test('a RUN has the variables of the image, ENV and ARG in the order in which they were set last', async t => {
	const result = await convert('FROM busybox\nARG A=1\nENV B=2 C=3\nENV B=$A$C\nARG D\nRUN x', {buildArgs: {A: 'a', unused: 'u'}});
	t.deepEqual(findRun(result, 'x').env, [defaultPath, 'A=a', 'C=3', 'B=a3']);
	t.deepEqual(result.image.config.Env, [defaultPath, 'B=a3', 'C=3']);
});

test('PATH comes first when the base has none', async t => {
	const result = await convert('FROM scratch\nENV A=1\nRUN x');
	t.deepEqual(findRun(result, 'x').env, [defaultPath, 'A=1']);
});

test('PATH follows the variables of a base without it', async t => {
	const {resolveImage} = resolverOf({'docker.io/library/busybox:latest': {...busyboxConfig, config: {Env: ['A=1']}}});
	const result = await convert('FROM busybox\nRUN x', {}, {resolveImage});
	t.deepEqual(findRun(result, 'x').env, ['A=1', defaultPath]);
	t.is(result.image.config.WorkingDir, '/');
});

test('the values of one ENV see the variables from before it', async t => {
	const {image} = await convert('FROM scratch\nENV a=hello\nENV a=bye b=$a\nENV c=$b');
	t.deepEqual(image.config.Env, [defaultPath, 'a=bye', 'b=hello', 'c=hello']);
});

test('of an ENV and an ARG of one name the later one is seen, and the image has the ENV', async t => {
	const result = await convert('FROM scratch\nENV A=env\nARG A=arg\nRUN x\nARG B=arg\nENV B=env\nRUN y');
	t.deepEqual(findRun(result, 'x').env, [defaultPath, 'A=arg']);
	t.deepEqual(findRun(result, 'y').env, [defaultPath, 'A=arg', 'B=env']);
	t.deepEqual(result.image.config.Env, [defaultPath, 'A=env', 'B=env']);
});

test('ARG takes the global value, a default wins over it, and what the user gives over both', async t => {
	const dockerfile = 'ARG V=global\nARG W=global\nARG X=$V-$W\nFROM scratch\nARG V\nARG W=stage\nARG X\nRUN x';
	t.deepEqual(findRun(await convert(dockerfile), 'x').env, [defaultPath, 'V=global', 'W=stage', 'X=global-global']);
	t.deepEqual(findRun(await convert(dockerfile, {buildArgs: {W: 'user'}}), 'x').env, [defaultPath, 'V=global', 'W=user', 'X=global-user']);
});

test('a global ARG is not seen in a stage that does not declare it', async t => {
	const {image} = await convert('ARG V=global\nFROM scratch\nLABEL v=$V.');
	t.deepEqual(image.config.Labels, {v: '.'});
});

test('stages that begin with a stage see its ARGs, others do not', async t => {
	const dockerfile = 'FROM scratch AS a\nARG V=1\nFROM a AS b\nRUN b $V\nFROM scratch AS c\nRUN c $V\nFROM scratch\nCOPY --from=b / /\nCOPY --from=c / /';
	const result = await convert(dockerfile);
	t.deepEqual(findRun(result, 'b 1').env, ['V=1', defaultPath]);
	t.deepEqual(findRun(result, 'c $V').env, [defaultPath]);
});

test('an ARG wins over an ENV before it, but not in stages that begin with that one', async t => {
	const result = await convert('FROM scratch AS a\nENV V=env\nARG V=arg W=arg\nRUN a $V\nFROM a\nRUN b $V');
	t.deepEqual(findRun(result, 'a arg').env, [defaultPath, 'V=arg', 'W=arg']);
	t.deepEqual(findRun(result, 'b env').env, ['W=arg', defaultPath, 'V=env']);
});

test('an ARG without any value is no variable, but stands in the history', async t => {
	const result = await convert('FROM scratch\nARG V\nRUN x');
	t.deepEqual(findRun(result, 'x').env, [defaultPath]);
	t.deepEqual(result.image.history?.map(entry => entry.created_by), ['ARG V', 'RUN |1 V= /bin/sh -c x # buildkit']);
});

test('the platforms are predefined and can be declared', async t => {
	const dockerfile = 'FROM --platform=$BUILDPLATFORM busybox\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT BUILDOS TARGETSTAGE\nRUN x';
	const {env, platform} = findRun(await convert(dockerfile, {platform: 'linux/arm/v7'}), 'x');
	t.deepEqual(env, [defaultPath, 'TARGETPLATFORM=linux/arm/v7', 'TARGETARCH=arm', 'TARGETVARIANT=v7', 'BUILDOS=linux', 'TARGETSTAGE=default']);
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
