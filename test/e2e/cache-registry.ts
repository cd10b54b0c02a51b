import path from 'node:path';
import test from 'ava';
import {executedSteps, makeMachine} from '../support/cache-machines.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry, type TestRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {tsbuild} from '../support/tsbuild.ts';

/*
Caches in a real registry, between machines that share nothing else.
*/

let registry: TestRegistry;

test.before('the registry is started', async () => {
	registry = await startRegistry();
});

test.after.always('the registry is stopped', async () => {
	await registry[Symbol.asyncDispose]();
});

// What is random cannot be made twice: whoever has the same image has taken it.
const random = 'cat /proc/sys/kernel/random/uuid';

const dockerfile = `FROM base AS tools
WORKDIR /w
RUN ${random} > tool
COPY a.txt ./
RUN cat a.txt tool > both
FROM base AS other
RUN ${random} > /other
FROM base
ARG WORD=word
ADD archive /archive/
COPY --from=tools /w/both /both
COPY --from=other /other /
COPY --from=named /n.txt /n.txt
COPY --link a.txt /linked
RUN <<SCRIPT
echo $WORD > /word
${random} >> /word
SCRIPT
COPY <<TEXT /text
some text
TEXT
CMD ["sh"]
`;

const files = {
	Dockerfile: dockerfile, 'a.txt': 'a\n', 'archive/b.txt': 'b\n', '../named/n.txt': 'n\n',
};

async function makeRandomProject() {
	const project = await makeProject(files);
	return {project, named: `named=${path.join(project.directory, 'named')}`};
}

const buildsNothing = test.macro({
	async exec(t, mode: string) {
		const {project: made, named} = await makeRandomProject();
		await using project = made;
		const reference = `${registry.host}/two/${mode}:1`;
		const first = await makeMachine(project, 'first').buildImage('--build-context', named, '--cache-to', `type=registry,ref=${reference},mode=${mode}`);
		const second = await makeMachine(project, 'second').buildImage('--build-context', named, '--cache-from', reference);
		t.is(second.configDigest, first.configDigest);
		t.deepEqual(executedSteps(second.stderr), []);
		const third = await makeMachine(project, 'third').buildImage('--build-context', named);
		t.not(third.configDigest, first.configDigest);
	},
	title: (_, mode: string) => `a second machine builds nothing that the first one has written with mode=${mode}`,
});

test(buildsNothing, 'min');
test(buildsNothing, 'max');

test('a cache in an image makes that image again', async t => {
	const {project: made, named} = await makeRandomProject();
	await using project = made;
	const reference = `${registry.host}/inline/app:1`;
	const first = makeMachine(project, 'first');
	await first.build('--build-context', named, '--build-arg', 'BUILDKIT_INLINE_CACHE=1', '-t', reference, '--push');
	const second = await makeMachine(project, 'second').buildImage('--build-context', named, '--cache-to', 'type=inline', '--cache-from', reference);
	t.deepEqual(executedSteps(second.stderr), []);
	t.true(second.stderr.includes('preparing layers for inline cache done'));
	const {configDigest} = await first.buildImage('--build-context', named, '--cache-to', 'type=inline');
	t.is(second.configDigest, configDigest);
});

test('a cache of an image that it was built on is not part of the next image', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo 1 > /1\n'});
	const machine = makeMachine(project, 'machine');
	await machine.build('--cache-to', 'type=inline', '-t', 'app:1');
	await project.write({Dockerfile: 'FROM app:1\nRUN echo 2 > /2\n'});
	await machine.build('-t', 'app:2');
	const {stdout} = await tsbuild(['inspect', '--format', 'json', 'app:2'], {root: machine.root});
	t.false(new TextDecoder().decode(stdout).includes('moby.buildkit.cache.v0'));
});

test('layers are fetched when somebody needs them, and not before', async t => {
	const {project: made, named} = await makeRandomProject();
	await using project = made;
	const cache = `${registry.host}/lazy/cache:1`;
	const first = await makeMachine(project, 'first').buildImage('--build-context', named, '--cache-to', `type=registry,ref=${cache},mode=max`);
	const second = makeMachine(project, 'second');
	const image = `${registry.host}/lazy/app:1`;
	await second.build('--build-context', named, '--cache-from', cache, '-o', 'type=cacheonly');
	await second.build('--build-context', named, '--cache-from', cache, '-t', image, '--push');
	t.deepEqual(await second.blobs(), []);
	const config = await runCommand('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${image}`]);
	t.is((JSON.parse(config) as {readonly config: {readonly digest: string}}).config.digest, first.configDigest);
	await runCommand('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${image}`, `dir:${path.join(project.directory, 'pulled')}`]);

	await project.write({Dockerfile: `${dockerfile}RUN cat /both > /again\n`});
	const more = await second.build('--build-context', named, '--cache-from', cache, '-o', 'type=cacheonly');
	t.deepEqual(executedSteps(more.stderr), ['RUN cat /both > /again']);
	// Under the step that has made the files, as with BuildKit.
	const {number} = /^#(?<number>\d+) .*COPY <<TEXT \/text$/mv.exec(more.stderr)!.groups!;
	t.regex(more.stderr, new RegExp(String.raw`^#${number} sha256:\w+ (?<size>\S+) / \k<size> (?:\S+ )?done$`, 'mv'));
	t.regex(more.stderr, new RegExp(String.raw`^#${number} extracting sha256:\w+ (?:\S+ )?done\n[^]*^#${number} DONE `, 'mv'));
	const blobs = await second.blobs();
	t.not(blobs.length, 0);
	const again = await second.build('--build-context', named, '-o', 'type=cacheonly');
	t.deepEqual(executedSteps(again.stderr), []);
});

test('an image that only its registry has gets no name here, and takes away that of an older one', async t => {
	await using project = await makeProject({Dockerfile: `FROM base\nRUN ${random} > /1\n`});
	const cache = `${registry.host}/names/cache:1`;
	const image = `${registry.host}/names/app:1`;
	await makeMachine(project, 'first').build('--cache-to', `type=registry,ref=${cache}`, '-o', 'type=cacheonly');
	const second = makeMachine(project, 'second');
	await project.write({Dockerfile: 'FROM base\nCMD ["old"]\n'});
	await second.build('-t', image);
	await project.write({Dockerfile: `FROM base\nRUN ${random} > /1\n`});
	await second.build('--cache-from', cache, '-t', image, '--push');
	const {stdout} = await tsbuild(['images', '--format', 'json'], {root: second.root});
	t.false(new TextDecoder().decode(stdout).includes('names/app'));
	await second.build('--cache-from', cache, '-t', image);
	const {stdout: named} = await tsbuild(['images', '--format', 'json'], {root: second.root});
	t.true(new TextDecoder().decode(named).includes('names/app'));
});

test('what has changed is executed, on layers of the cache', async t => {
	const {project: made, named} = await makeRandomProject();
	await using project = made;
	const cache = `${registry.host}/changed/cache:1`;
	await makeMachine(project, 'first').build('--build-context', named, '--cache-to', `type=registry,ref=${cache},mode=max`, '-o', 'type=cacheonly');
	await project.write({'a.txt': 'another a\n'});
	const second = await makeMachine(project, 'second').buildImage('--build-context', named, '--cache-from', cache);
	t.deepEqual(executedSteps(second.stderr).toSorted(), [
		'COPY --from=named /n.txt /n.txt',
		'COPY --from=other /other /',
		'COPY --from=tools /w/both /both',
		'COPY --link a.txt /linked',
		'COPY <<TEXT /text',
		'COPY a.txt ./',
		'RUN <<SCRIPT (echo word > /word...)',
		'RUN cat a.txt tool > both',
	]);
});

test('a machine that takes all from a cache writes all of it again', async t => {
	const {project: made, named} = await makeRandomProject();
	await using project = made;
	const [from, to] = [`${registry.host}/passed/from:1`, `${registry.host}/passed/to:1`];
	const first = await makeMachine(project, 'first').buildImage('--build-context', named, '--cache-to', `type=registry,ref=${from},mode=max`);
	const second = makeMachine(project, 'second');
	await second.build('--build-context', named, '--cache-from', from, '--cache-to', `type=registry,ref=${to},mode=max`, '-o', 'type=cacheonly');
	t.deepEqual(await second.blobs(), []);
	const third = await makeMachine(project, 'third').buildImage('--build-context', named, '--cache-from', to);
	t.is(third.configDigest, first.configDigest);
	t.deepEqual(executedSteps(third.stderr), []);
	const read = async (reference: string) => runCommand('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${reference}`]);
	t.is(await read(to), await read(from));
});

test('several caches are one; those that are not there are told of', async t => {
	await using project = await makeProject({Dockerfile: `FROM base AS one\nRUN ${random} > /1\nFROM base AS two\nRUN ${random} > /2\nFROM base\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n`});
	const [one, two] = [`${registry.host}/several/one:1`, `${registry.host}/several/two:1`];
	await makeMachine(project, 'first').build('--target', 'one', '--cache-to', `type=registry,ref=${one}`, '-o', 'type=cacheonly');
	await makeMachine(project, 'second').build('--target', 'two', '--cache-to', `type=registry,ref=${two}`, '-o', 'type=cacheonly');
	const sources = [`${registry.host}/several/none:1`, one, `type=registry,ref=${two}`].flatMap(source => ['--cache-from', source]);
	const {stderr} = await makeMachine(project, 'third').build(...sources, '-o', 'type=cacheonly');
	t.deepEqual(executedSteps(stderr), ['COPY --from=one /1 /', 'COPY --from=two /2 /']);
	t.true(stderr.includes(`ERROR: failed to configure registry cache importer: ${registry.host}/several/none:1: not found\n`));
	t.true(stderr.includes(`------\n > importing cache manifest from ${registry.host}/several/none:1:\n------\n`));
});

test('--no-cache executes all, whatever a cache has, and what it made is written', async t => {
	await using project = await makeProject({Dockerfile: `FROM base\nRUN ${random} > /1\nRUN cat /1 > /2\n`});
	const cache = `${registry.host}/renewed/cache:1`;
	const first = await makeMachine(project, 'first').buildImage('--cache-to', `type=registry,ref=${cache}`);
	const second = await makeMachine(project, 'second').buildImage('--no-cache', '--cache-from', cache, '--cache-to', `type=registry,ref=${cache}`);
	t.is(executedSteps(second.stderr).length, 2);
	t.not(second.configDigest, first.configDigest);
	const third = await makeMachine(project, 'third').buildImage('--cache-from', cache);
	t.is(third.configDigest, second.configDigest);
});

test('platforms have caches of their own', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a.txt /\nFROM scratch\nARG TARGETARCH\nCOPY a.txt /$TARGETARCH\n', 'a.txt': 'a'});
	const cache = `${registry.host}/platforms/cache:1`;
	await makeMachine(project, 'first').build('--platform', 'linux/arm64', '--cache-to', `type=registry,ref=${cache}`, '-o', 'type=cacheonly');
	const other = await makeMachine(project, 'second').build('--platform', 'linux/amd64', '--cache-from', cache, '-o', 'type=cacheonly');
	t.deepEqual(executedSteps(other.stderr), ['COPY a.txt /amd64']);
	const same = await makeMachine(project, 'third').build('--platform', 'linux/arm64', '--cache-from', cache, '-o', 'type=cacheonly');
	t.deepEqual(executedSteps(same.stderr), []);
});

const readsAgain = test.macro({
	async exec(t, attributes: string) {
		await using project = await makeProject({Dockerfile: `FROM base\nRUN ${random} > /1\nRUN cat /1 > /2\n`});
		const cache = `${registry.host}/forms/${attributes.replaceAll(/\W+/gv, '-')}:1`;
		const first = await makeMachine(project, 'first').buildImage('--cache-to', `type=registry,ref=${cache},mode=max,${attributes}`);
		const second = await makeMachine(project, 'second').buildImage('--cache-from', cache);
		t.is(second.configDigest, first.configDigest);
		t.deepEqual(executedSteps(second.stderr), []);
	},
	title: (_, attributes: string) => `a cache with ${attributes} is read again`,
});

test(readsAgain, 'image-manifest=false');
test(readsAgain, 'image-manifest=false,oci-mediatypes=false');
test(readsAgain, 'compression=zstd,force-compression=true');
test(readsAgain, 'compression=uncompressed');
test(readsAgain, 'compression-level=9');
test(readsAgain, 'compression=zstd,compression-level=3');

test('a cache that cannot be written fails the build, unless errors do not matter', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo 1\n'});
	const {exitCode, stderr} = await project.build('--cache-to', 'type=registry,ref=127.0.0.1:1/x:1', '-o', 'type=cacheonly');
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: failed to solve: error writing layer blob: failed to do request: Head "http:.*": dial tcp 127\.0\.0\.1:1: connect: connection refused$/mv);
	const ignored = await project.build('--cache-to', 'type=registry,ref=127.0.0.1:1/x:1,ignore-error=true', '-o', 'type=cacheonly');
	t.is(ignored.exitCode, 0);
	t.true(ignored.stderr.includes('------\n > exporting cache to registry:\n------\n'));
});
