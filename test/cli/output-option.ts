import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseOutputOption} from '../../src/cli/output-option.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const context = {environment: {}, isPushed: false, annotations: new Map<string, string>()};

const noAnnotations = {manifest: {}, descriptor: {}};

const plainImage = {
	compression: 'gzip', forceCompression: false, isDated: false, mediaTypes: 'oci', annotations: noAnnotations,
} as const;

const reads = test.macro({
	exec(t, text: string, expected: ReturnType<typeof parseOutputOption>) {
		t.deepEqual(parseOutputOption(text, context), expected);
	},
	title: (_, text: string) => `the output ${JSON.stringify(text)} is read`,
});

test(reads, '', undefined);
test(reads, 'type=cacheonly', {type: 'cacheonly'});
test(reads, 'type=cacheonly,dest=x', {type: 'cacheonly'});
test(reads, '-', {type: 'tar', destination: '-'});
test(reads, 'no/such/directory', {type: 'local', destination: 'no/such/directory'});
test(reads, 'x=y=z', {type: 'local', destination: 'x=y=z'});
test(reads, 'dest=x', {type: 'local', destination: 'dest=x'});
test(reads, 'type=local,dest=x', {type: 'local', destination: 'x'});
test(reads, 'type=tar', {type: 'tar', destination: '-'});
test(reads, 'type=oci,dest=a.tar', {type: 'oci', destination: 'a.tar', ...plainImage});
test(reads, 'type=oci,dest=a.tar,unknown=1', {type: 'oci', destination: 'a.tar', ...plainImage});
test(reads, 'type=oci,"dest=a,b.tar"', {type: 'oci', destination: 'a,b.tar', ...plainImage});
test(reads, 'type=oci,tar=false,dest=a', {type: 'oci-directory', destination: 'a', ...plainImage});
test(reads, 'type=oci,dest=a,oci-mediatypes=1,rewrite-timestamp=F', {type: 'oci', destination: 'a', ...plainImage});
test(reads, 'type=oci,dest=a,compression=zstd,force-compression=true', {
	type: 'oci', destination: 'a', ...plainImage, compression: 'zstd', forceCompression: true,
});
test(reads, 'type=oci,dest=a,rewrite-timestamp=true', {
	type: 'oci', destination: 'a', ...plainImage, isDated: true,
});
test(reads, 'type=oci,dest=a,compression=uncompressed', {
	type: 'oci', destination: 'a', ...plainImage, compression: 'none',
});
test(reads, 'type=oci,dest=a,name=app:1', {
	type: 'oci', destination: 'a', names: ['docker.io/library/app:1'], ...plainImage,
});
test(reads, 'type=oci,dest=a,"name=app,localhost:5000/app:2"', {
	type: 'oci', destination: 'a', names: ['docker.io/library/app:latest', 'localhost:5000/app:2'], ...plainImage,
});

const refuses = test.macro({
	exec(t, text: string, message: string) {
		t.throws(() => parseOutputOption(text, context), {message});
	},
	title: (_, text: string) => `the output ${JSON.stringify(text)} is refused`,
});

test(refuses, 'type=oci,"x', 'parse error on line 1, column 11: extraneous or missing " in quoted-field');
test(refuses, 'type=oci,dest', 'invalid value dest');
test(refuses, 'type=local', 'dest is required for local exporter');
test(refuses, 'type=nope', 'failed to solve: exporter "nope" could not be found');
test(refuses, 'type=oci,dest=a,oci-mediatypes=foo', 'failed to solve: non-bool value specified for oci-mediatypes: strconv.ParseBool: parsing "foo": invalid syntax');
test(refuses, 'type=oci,dest=a,compression=foo', 'failed to solve: unsupported compression type foo');
test(refuses, 'type=oci,dest=a,compression=estargz', 'output attribute compression=estargz is not there yet');
test(refuses, 'type=oci,dest=a,compression-level=foo', 'failed to solve: non-integer value foo specified for compression-level: strconv.ParseInt: parsing "foo": invalid syntax');
test(refuses, 'type=oci,dest=a,compression-level=10', 'failed to solve: gzip: invalid compression level: 10');
test(refuses, 'type=oci,dest=a,compression=zstd,oci-mediatypes=false', 'failed to solve: exporter option "compression=zstd" conflicts with "oci-mediatypes=false"');
test(refuses, 'type=image,oci-artifact=true,oci-mediatypes=false', 'failed to solve: exporter option "oci-artifact=true" conflicts with "oci-mediatypes=false"');
test(refuses, 'type=registry,name=app:1,push-by-digest=true', 'failed to solve: can\'t push tagged ref docker.io/library/app:1 by digest');
test(refuses, 'type=docker,context=other', 'output attribute context=other is not there yet');
test(refuses, 'type=oci,dest=a,annotation-index.x=1', 'failed to solve: index annotations not supported for single platform export');
test(refuses, 'type=oci,dest=a,annotation-index-descriptor.x=1', 'failed to solve: index annotations not supported for single platform export');
test(refuses, 'type=oci,dest=a,annotation-other.x=1', 'failed to solve: unrecognized annotation type annotation-other');
test(refuses, 'type=oci,dest=a,annotation[linux/arm64].x=1', 'output attribute annotation[linux/arm64].x=1 is not there yet');
test(refuses, 'type=oci,dest=a,name=Bad Name', 'failed to solve: failed to parse Bad Name: invalid reference format');

test(reads, 'type=oci,dest=a,compression-level=9', {
	type: 'oci', destination: 'a', ...plainImage, level: 9,
});
test(reads, 'type=oci,dest=a,compression=zstd,compression-level=99', {
	type: 'oci', destination: 'a', ...plainImage, compression: 'zstd', level: 22,
});
test(reads, 'type=docker,dest=a,oci-mediatypes=false', {
	type: 'docker', destination: 'a', ...plainImage, mediaTypes: 'docker',
});
test(reads, 'type=oci,dest=a,annotation.b=2,annotation-manifest.a=1,annotation-manifest-descriptor.c=3', {
	type: 'oci', destination: 'a', ...plainImage, annotations: {manifest: {a: '1', b: '2'}, descriptor: {c: '3'}},
});
test(reads, 'type=docker', {
	type: 'docker-engine', socket: '/var/run/docker.sock', isRequired: false, ...plainImage, compression: 'none',
});
test(reads, 'type=image,name=app', {
	type: 'image', isStored: true, isNameCanonical: false, names: ['docker.io/library/app:latest'], ...plainImage, compression: 'none',
});
test(reads, 'type=image,store=false,unpack=true,name-canonical=true,dangling-name-prefix=dangling', {
	type: 'image', isStored: false, isNameCanonical: true, danglingPrefix: 'dangling', ...plainImage, compression: 'none',
});
test(reads, 'type=image,name=app:1,push=true,registry.insecure=true', {
	type: 'image', isStored: true, isNameCanonical: false, push: {byDigest: false, isInsecure: true}, names: ['docker.io/library/app:1'], ...plainImage,
});
test(reads, 'type=registry,name=localhost:5000/app,push-by-digest=true', {
	type: 'image', isStored: true, isNameCanonical: false, push: {byDigest: true, isInsecure: false}, names: ['localhost:5000/app:latest'], ...plainImage,
});

test('a file is no directory, and a directory no file', async t => {
	await using temporary = await makeTemporaryDirectory();
	const file = path.join(temporary.path, 'file');
	const directory = path.join(temporary.path, 'directory');
	await writeFile(file, '');
	await mkdir(directory);
	t.throws(() => parseOutputOption(`type=local,dest=${file}`, context), {message: `destination directory ${file} is a file`});
	t.throws(() => parseOutputOption(`type=oci,dest=${directory}`, context), {message: `destination file ${directory} is a directory`});
});
