import type {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {Descriptor, ImageIndex, ImageManifest} from '../../src/kernel/oci-types.ts';
import {makeProject, type Project} from '../support/project.ts';
import {outputOf, succeeded, tsbuild} from '../support/tsbuild.ts';

const dockerfile = 'FROM base\nRUN echo hello > /greeting\nENV NAME=world\n';

async function run(project: Project, ...args: readonly string[]): Promise<string> {
	return outputOf(args, {root: project.root});
}

async function build(project: Project, ...args: readonly string[]): Promise<string> {
	return succeeded(await project.build(...args)).stderr;
}

function read(archive: string, file: string): Buffer {
	return execFileSync('tar', ['-xOf', archive, file]);
}

function readJson<Value>(archive: string, file: string): Value {
	return JSON.parse(read(archive, file).toString()) as Value;
}

function readManifest(archive: string): ImageManifest {
	const [entry] = readJson<ImageIndex>(archive, 'index.json').manifests;
	return readJson(archive, blobOf(entry!));
}

function blobOf({digest}: Pick<Descriptor, 'digest'>): string {
	return `blobs/${digest.replace(':', '/')}`;
}

test('a docker archive is a layout with a manifest.json, and skopeo reads it as both', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const archive = path.join(project.directory, 'app.tar');
	const log = await build(project, '-t', 'app:1', '-t', 'localhost:5056/two:2', '-o', `type=docker,dest=${archive}`);
	t.regex(log, /^#\d+ exporting to docker image format\n#\d+ exporting layers .*\n#\d+ exporting manifest sha256:[\da-f]{64}/mv);
	const manifest = readManifest(archive);
	t.deepEqual(readJson(archive, 'manifest.json'), [{
		Config: blobOf(manifest.config), RepoTags: ['app:1', 'localhost:5056/two:2'], Layers: manifest.layers.map(layer => blobOf(layer)),
	}]);
	const config = read(archive, blobOf(manifest.config)).toString();
	for (const source of [`docker-archive:${archive}:app:1`, `docker-archive:${archive}:localhost:5056/two:2`, `oci-archive:${archive}:1`]) {
		t.is(execFileSync('skopeo', ['inspect', '--config', '--raw', source], {encoding: 'utf8'}), config);
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', source, `dir:${path.join(project.directory, 'copy')}`]));
	}
});

test('an image without a name is one in a docker archive too', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const archive = path.join(project.directory, 'app.tar');
	await build(project, '-o', `type=docker,dest=${archive}`);
	t.like(readJson<readonly unknown[]>(archive, 'manifest.json')[0], {RepoTags: null});
	t.is(await run(project, 'images', '-q'), '');
});

test('documents have the media types of Docker when they are asked for, all of them', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const archive = path.join(project.directory, 'app.tar');
	await build(project, '-o', `type=oci,oci-mediatypes=false,dest=${archive}`);
	const {mediaType, config, layers} = readManifest(archive);
	t.is(mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
	t.is(config.mediaType, 'application/vnd.docker.container.image.v1+json');
	t.deepEqual([...new Set(layers.map(layer => layer.mediaType))], ['application/vnd.docker.image.rootfs.diff.tar.gzip']);
	t.notThrows(() => execFileSync('skopeo', ['inspect', `oci-archive:${archive}`]));
});

test('each output has a step of its own, also of one kind', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	const log = await build(project, ...['one.tar', 'two.tar'].flatMap(name => ['-o', `type=oci,dest=${path.join(project.directory, name)}`]));
	t.is(log.match(/^#\d+ exporting to oci image format$/gmv)?.length, 2);
	t.is(log.match(/^#\d+ sending tarball.* done$/gmv)?.length, 2);
});

test('annotations stand in the manifest and in what names it', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	const archive = path.join(project.directory, 'app.tar');
	await build(project, '-o', `type=oci,dest=${archive},annotation.plain=1,annotation-manifest.a<b=2,annotation-manifest-descriptor.md=3`);
	const [entry] = readJson<ImageIndex>(archive, 'index.json').manifests;
	t.deepEqual(readManifest(archive).annotations, {'a<b': '2', plain: '1'});
	t.is(entry!.annotations?.md, '3');
	t.true(read(archive, blobOf(entry!)).toString().includes(String.raw`"a\u003cb": "2"`));
});

test('annotations of the command line are those of all images', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	const archives = ['one.tar', 'two.tar'].map(name => path.join(project.directory, name));
	const outputs = ['-o', `type=oci,dest=${archives[0]!},annotation.m=1,annotation.attr=3`, '-o', `type=docker,dest=${archives[1]!}`];
	await build(project, '--annotation', 'Plain=1', '--annotation', 'manifest,manifest-descriptor:m=2', ...outputs);
	t.deepEqual(archives.map(archive => readManifest(archive).annotations), [{Plain: '1', attr: '3', m: '2'}, {Plain: '1', m: '2'}]);
	const [entry] = readJson<ImageIndex>(archives[0]!, 'index.json').manifests;
	t.is(entry!.annotations?.m, '2');
});

test('an image of the local store has the annotations of the command line', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	await build(project, '-t', 'app:1', '--annotation', 'a=b');
	const archive = path.join(project.directory, 'app.tar');
	await run(project, 'save', '-o', archive, 'app:1');
	t.deepEqual(readManifest(archive).annotations, {a: 'b'});
});

test('a level of compression counts', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'some text, again and again, '.repeat(20_000)});
	const sizes: number[] = [];
	for (const level of [1, 9]) {
		const archive = path.join(project.directory, `${level}.tar`);
		await build(project, '-o', `type=oci,compression-level=${level},dest=${archive}`);
		sizes.push(readManifest(archive).layers[0]!.size);
	}

	t.true(sizes[1]! < sizes[0]!);
});

test('several outputs come from one build', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const [docker, oci, root] = ['docker.tar', 'oci.tar', 'root'].map(name => path.join(project.directory, name)) as [string, string, string];
	const log = await build(project, '-t', 'app:1', '-o', `type=docker,dest=${docker}`, '-o', `type=oci,compression=zstd,dest=${oci}`, '-o', root);
	t.is(log.match(/^#\d+ .*RUN echo hello/gmv)?.length, 1);
	t.is(await readFile(path.join(root, 'greeting'), 'utf8'), 'hello\n');
	t.deepEqual(readManifest(docker).config, readManifest(oci).config);
	t.is(readManifest(oci).layers.at(-1)!.mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd');
	t.regex(await run(project, 'images', '-q'), /^[\da-f]{12}\n$/v);
});

test('an output with names of its own names the image, unless the build has some', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	await build(project, '-o', 'type=image,"name=one:1,localhost:5000/two",name-canonical=true');
	const listed = await run(project, 'images', '--format', 'json');
	const rows = listed.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as {readonly Repository: string; readonly Tag: string});
	const names = rows.map(({Repository, Tag}) => `${Repository}:${Tag}`);
	t.deepEqual(names.toSorted(), ['localhost:5000/two:<none>', 'localhost:5000/two:latest', 'one:1', 'one:<none>']);
	const archive = path.join(project.directory, 'app.tar');
	await build(project, '-t', 'app:1', '-o', `type=docker,name=other:1,dest=${archive}`);
	t.like(readJson<readonly unknown[]>(archive, 'manifest.json')[0], {RepoTags: ['app:1']});
});

test('an image that nobody named is found by its ID, until it is removed or pruned', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	for (const remove of [['rmi'], ['prune', '--all', '--force']]) {
		const identity = path.join(project.directory, 'id');
		await build(project, '--iidfile', identity);
		const id = await readFile(identity, 'utf8');
		t.is(await run(project, 'images', '-q'), '');
		const [image] = JSON.parse(await run(project, 'inspect', id)) as [{readonly Id: string; readonly RepoTags: readonly string[]}];
		t.deepEqual([image.Id, image.RepoTags], [id, []]);
		const output = await run(project, ...remove, ...(remove[0] === 'rmi' ? [id.slice(7, 19)] : []));
		t.true(remove[0] !== 'rmi' || output === `Deleted: ${id}\n`);
		const gone = await tsbuild(['inspect', id], {root: project.root});
		t.is(gone.stderr, `ERROR: No such image: ${id}\n`);
	}
});

test('an image that nobody named can be given a name by its ID', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const identity = path.join(project.directory, 'id');
	await build(project, '--iidfile', identity);
	const id = await readFile(identity, 'utf8');
	await run(project, 'tag', id, 'app:1');
	t.is(await run(project, 'images', '-q', '--no-trunc'), `${id}\n`);
	await run(project, 'prune', '--all', '--force');
	t.regex(await run(project, 'inspect', id), /"app:1"/v);
	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:app:1`, `dir:${path.join(project.directory, 'copy')}`]));
});

test('a build for the cache alone keeps no image, whatever its name', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const [identity, metadata] = ['id', 'metadata'].map(name => path.join(project.directory, name)) as [string, string];
	const log = await build(project, '-t', 'app:1', '-o', 'type=cacheonly', '--iidfile', identity, '--metadata-file', metadata);
	t.notRegex(log, /exporting/v);
	t.is(await run(project, 'images', '-aq'), '');
	t.is(await readFile(identity, 'utf8'), '');
	const facts = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, unknown>;
	t.deepEqual(Object.keys(facts), ['buildx.build.ref']);
	const again = await project.build('-o', 'type=cacheonly');
	t.regex(again.stderr, /^#\d+ CACHED$/mv);
});

test('the metadata file has the keys of buildx, in its order', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const [identity, metadata, archive] = ['id', 'metadata', 'app.tar'].map(name => path.join(project.directory, name)) as [string, string, string];
	await build(project, '-t', 'a:1', '-t', 'b:2', '--iidfile', identity, '--metadata-file', metadata, '-o', `type=docker,dest=${archive}`);
	const text = await readFile(metadata, 'utf8');
	const [entry] = readJson<ImageIndex>(archive, 'index.json').manifests;
	const reference = /"default\/default\/[\da-z]{25}"/v.exec(text)?.[0];
	t.is(text, `{
  "buildx.build.ref": ${reference},
  "containerimage.config.digest": "${await readFile(identity, 'utf8')}",
  "containerimage.descriptor": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "${entry!.digest}",
    "size": ${entry!.size},
    "annotations": {
      "org.opencontainers.image.created": "${entry!.annotations!['org.opencontainers.image.created']}"
    },
    "platform": {
      "architecture": "${entry!.platform!.architecture}",
      "os": "linux"
    }
  },
  "containerimage.digest": "${entry!.digest}",
  "image.name": "docker.io/library/a:1,docker.io/library/b:2"
}`);
});

test('the metadata file of an image in the store has its manifest without a time', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const [identity, metadata] = ['id', 'metadata'].map(name => path.join(project.directory, name)) as [string, string];
	await build(project, '--iidfile', identity, '--metadata-file', metadata, '-o', 'type=image,name=a:1');
	const text = await readFile(metadata, 'utf8');
	const index = JSON.parse(await readFile(path.join(project.root, 'content/index.json'), 'utf8')) as ImageIndex;
	const {digest, size, platform} = index.manifests[0]!;
	t.is(text, `{
  "buildx.build.ref": ${/"default\/default\/[\da-z]{25}"/v.exec(text)?.[0]},
  "containerimage.config.digest": "${await readFile(identity, 'utf8')}",
  "containerimage.descriptor": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "${digest}",
    "size": ${size},
    "platform": {
      "architecture": "${platform!.architecture}",
      "os": "linux"
    }
  },
  "containerimage.digest": "${digest}",
  "image.name": "docker.io/library/a:1"
}`);
});

test('the metadata file of files names the build alone', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const [identity, metadata, root] = ['id', 'metadata', 'root'].map(name => path.join(project.directory, name)) as [string, string, string];
	await build(project, '--iidfile', identity, '--metadata-file', metadata, '-o', root);
	const text = await readFile(metadata, 'utf8');
	t.regex(text, /^\{\n {2}"buildx\.build\.ref": "default\/default\/[\da-z]{25}"\n\}$/v);
	t.is(await readFile(identity, 'utf8'), '');
});
