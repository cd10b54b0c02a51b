import {execFileSync} from 'node:child_process';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {asNamespaceRoot} from '../support/namespace-root.ts';
import {makeProject} from '../support/project.ts';

const dockerfile = `FROM base
RUN echo hello > /greeting && chmod 600 /greeting && rm /etc/os-release
ENV NAME=world
USER nobody
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo $NAME; id -un"]
`;

function inspect(image: string): ImageConfig {
	return JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', image], {encoding: 'utf8'})) as ImageConfig;
}

test('skopeo reads the same image from the store, a layout directory and an archive', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const layout = path.join(project.directory, 'layout');
	const archive = path.join(project.directory, 'app.tar');
	const result = await project.build('-t', 'app:1', '-o', `type=oci,tar=false,dest=${layout}`, '-o', `type=oci,dest=${archive}`);
	t.is(result.exitCode, 0, result.stderr);
	const fromStore = inspect(`oci:${project.root}/content:app:1`);
	t.deepEqual(fromStore.config.Entrypoint, ['/bin/sh', '-c']);
	t.deepEqual(inspect(`oci:${layout}:1`), fromStore);
	t.deepEqual(inspect(`oci-archive:${archive}`), fromStore);
	for (const source of [`oci:${project.root}/content:app:1`, `oci:${layout}:1`, `oci-archive:${archive}`]) {
		t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', source, `dir:${path.join(project.directory, 'copy')}`]));
	}

	await assertNothingLeft(t, project.root);
});

test('umoci unpacks the image, and runc runs its command', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const layout = path.join(project.directory, 'layout');
	const bundle = path.join(project.directory, 'bundle');
	const result = await project.build('-t', 'app:1', '-o', `type=oci,tar=false,dest=${layout}`);
	t.is(result.exitCode, 0, result.stderr);
	execFileSync(...asNamespaceRoot('umoci', ['unpack', '--image', `${layout}:1`, bundle]));
	t.is(await readFile(path.join(bundle, 'rootfs/greeting'), 'utf8'), 'hello\n');
	await t.throwsAsync(readFile(path.join(bundle, 'rootfs/etc/os-release')), {code: 'ENOENT'});
	await useWithoutTerminal(path.join(bundle, 'config.json'));
	const args = ['--root', path.join(project.directory, 'runc'), 'run', '--bundle', bundle, `tsbuild-test-${process.pid}`];
	const output = execFileSync(...asNamespaceRoot('runc', args), {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});
	t.is(output, 'world\nnobody\n');
});

async function useWithoutTerminal(file: string): Promise<void> {
	const config = JSON.parse(await readFile(file, 'utf8')) as {process: {terminal: boolean}};
	config.process.terminal = false;
	await writeFile(file, JSON.stringify(config));
}

test('an image with a tag is a base for the next build', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo one > /one\nENV A=1\n'});
	const first = await project.build('-t', 'localhost:5000/app:1');
	t.is(first.exitCode, 0, first.stderr);
	await project.write({Dockerfile: 'FROM localhost:5000/app:1\nRUN cat /one && test $A = 1\n'});
	const second = await project.build('-t', 'app:2');
	t.is(second.exitCode, 0, second.stderr);
	t.regex(second.stderr, /^#\d+ \d\.\d+ one$/mv);
});

test('a second build runs nothing and makes the same image', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nCOPY a /a\nRUN cat /a > /b\n', a: 'x'});
	const images: unknown[] = [];
	for (const file of ['first', 'second']) {
		const metadata = path.join(project.directory, file);
		const result = await project.build('-t', 'app:1', '--metadata-file', metadata);
		t.is(result.exitCode, 0, result.stderr);
		const {'containerimage.digest': digest, 'containerimage.config.digest': config} = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, unknown>;
		images.push([digest, config]);
		t.is(result.stderr.match(/^#\d+ CACHED$/gmv)?.length ?? 0, file === 'first' ? 0 : 3, result.stderr);
	}

	t.deepEqual(images[0], images[1]);
});
