import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {hasBusybox, makeBaseImage} from '../../scripts/base-image.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {testWhere} from '../support/conditions.ts';

const testWithBusybox = testWhere(await hasBusybox(), 'there is no static busybox');

testWithBusybox('the base image is the same bytes each time', async t => {
	await using temporary = await makeTemporaryDirectory();
	const first = await makeBaseImage(path.join(temporary.path, 'first'));
	const second = await makeBaseImage(path.join(temporary.path, 'second'));
	t.is(first, second);
});

testWithBusybox('another program reads the base image', async t => {
	await using temporary = await makeTemporaryDirectory();
	const digest = await makeBaseImage(temporary.path);
	const inspected = JSON.parse(execFileSync('skopeo', ['inspect', `oci:${temporary.path}:latest`], {encoding: 'utf8'})) as unknown;
	t.like(inspected, {Digest: digest, Os: 'linux'});
});

testWithBusybox('the layer of the base image has the modes that programs expect', async t => {
	await using temporary = await makeTemporaryDirectory();
	await makeBaseImage(path.join(temporary.path, 'layout'));
	execFileSync('umoci', ['unpack', '--image', 'layout:latest', 'bundle'], {cwd: temporary.path, stdio: 'pipe'});
	const listed = execFileSync('stat', ['--format=%a %n', 'tmp', 'root', 'bin/sh', 'etc/passwd'], {
		cwd: path.join(temporary.path, 'bundle/rootfs'),
		encoding: 'utf8',
	});
	t.is(listed, '1777 tmp\n700 root\n755 bin/sh\n644 etc/passwd\n');
});
