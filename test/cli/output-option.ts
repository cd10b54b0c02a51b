import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseOutputOption} from '../../src/cli/output-option.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const plainImage = {compression: 'gzip', forceCompression: false} as const;

const reads = test.macro({
	exec(t, text: string, expected: ReturnType<typeof parseOutputOption>) {
		t.deepEqual(parseOutputOption(text), expected);
	},
	title: (_, text: string) => `the output ${JSON.stringify(text)} is read`,
});

test(reads, '', undefined);
test(reads, 'type=cacheonly', undefined);
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
	type: 'oci', destination: 'a', compression: 'zstd', forceCompression: true,
});
test(reads, 'type=oci,dest=a,compression=uncompressed', {
	type: 'oci', destination: 'a', compression: 'none', forceCompression: false,
});
test(reads, 'type=oci,dest=a,name=app:1', {
	type: 'oci', destination: 'a', names: ['docker.io/library/app:1'], ...plainImage,
});
test(reads, 'type=oci,dest=a,"name=app,localhost:5000/app:2"', {
	type: 'oci', destination: 'a', names: ['docker.io/library/app:latest', 'localhost:5000/app:2'], ...plainImage,
});

const refuses = test.macro({
	exec(t, text: string, message: string) {
		t.throws(() => parseOutputOption(text), {message});
	},
	title: (_, text: string) => `the output ${JSON.stringify(text)} is refused`,
});

test(refuses, 'type=oci,"x', 'parse error on line 1, column 11: extraneous or missing " in quoted-field');
test(refuses, 'type=oci,dest', 'invalid value dest');
test(refuses, 'type=local', 'dest is required for local exporter');
test(refuses, 'type=nope', 'failed to solve: exporter "nope" could not be found');
test(refuses, 'type=oci,dest=a,oci-mediatypes=foo', 'failed to solve: non-bool value specified for oci-mediatypes: strconv.ParseBool: parsing "foo": invalid syntax');
test(refuses, 'type=oci,dest=a,oci-mediatypes=false', 'output attribute oci-mediatypes=false is not there yet');
test(refuses, 'type=oci,dest=a,compression=foo', 'failed to solve: unsupported compression type foo');
test(refuses, 'type=oci,dest=a,compression=estargz', 'output attribute compression=estargz is not there yet');
test(refuses, 'type=oci,dest=a,compression-level=foo', 'failed to solve: non-integer value foo specified for compression-level: strconv.ParseInt: parsing "foo": invalid syntax');
test(refuses, 'type=oci,dest=a,compression-level=9', 'output attribute compression-level=9 is not there yet');
test(refuses, 'type=oci,dest=a,rewrite-timestamp=true', 'output attribute rewrite-timestamp=true is not there yet');
test(refuses, 'type=oci,dest=a,annotation.x=1', 'output attribute annotation.x=1 is not there yet');
test(refuses, 'type=oci,dest=a,name=Bad Name', 'failed to solve: failed to parse Bad Name: invalid reference format');

test('a file is no directory, and a directory no file', async t => {
	await using temporary = await makeTemporaryDirectory();
	const file = path.join(temporary.path, 'file');
	const directory = path.join(temporary.path, 'directory');
	await writeFile(file, '');
	await mkdir(directory);
	t.throws(() => parseOutputOption(`type=local,dest=${file}`), {message: `destination directory ${file} is a file`});
	t.throws(() => parseOutputOption(`type=oci,dest=${directory}`), {message: `destination file ${directory} is a directory`});
});
