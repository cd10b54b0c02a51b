import {execFileSync} from 'node:child_process';
import path from 'node:path';
import {assertNothingLeft} from '../support/leftovers.ts';
import {hasBusybox, makeTemporaryBaseImage} from '../support/base-image.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';
import {testWhere} from '../support/conditions.ts';

const demo = path.join(import.meta.dirname, '../../fixtures/demo');
const testWithBusybox = testWhere(await hasBusybox(), 'there is no static busybox');

testWithBusybox('the image of the demo does what it is for, and its build leaves nothing behind', async t => {
	await using base = await makeTemporaryBaseImage();
	await using temporary = await makeTemporaryDirectory();
	const root = path.join(temporary.path, 'store');
	const {exitCode, stderr} = await tsbuild([
		'--tag',
		'demo:1',
		'--output',
		`type=oci,dest=${temporary.path}/app.tar`,
		'--build-context',
		`base=oci-layout://${base.directory}`,
		demo,
	], {root});
	t.is(exitCode, 0, stderr);
	await assertNothingLeft(t, root);

	const run = (program: string, ...args: readonly string[]) => execFileSync(program, args, {cwd: temporary.path, encoding: 'utf8', stdio: 'pipe'});
	run('skopeo', 'copy', 'oci-archive:app.tar', 'oci:layout:demo');
	run('umoci', 'unpack', '--image', 'layout:demo', 'bundle');
	const weather = (command: string) => run('chroot', '--userspec=1000:1000', 'bundle/rootfs', '/bin/env', 'SITE=/srv/www', 'weather', command);
	t.is(weather('summary'), '360 measurements, mean 7.95 degrees\n');
	t.is(weather('check'), 'style.min.css: OK\nstyle.min.css.gz: OK\nsun.svg: OK\nsun.svg.gz: OK\n');
});
