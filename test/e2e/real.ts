import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeProject} from '../support/project.ts';

const directory = path.join(import.meta.dirname, '../../fixtures/real');

/** Builds one of the Dockerfiles of fixtures/real whose base is busybox, and gives the files of the result. */
const builds = test.macro({
	async exec(t, name: string, expected: Readonly<Record<string, string>>) {
		await using project = await makeProject({Dockerfile: await readFile(path.join(directory, name, 'Dockerfile'), 'utf8')});
		const out = path.join(project.directory, 'out');
		const result = await project.build('--build-context', `busybox:stable=oci-layout://${project.base}`, '-t', `${name}:1`, '-o', `type=local,dest=${out}`);
		t.is(result.exitCode, 0, result.stderr);
		const contents = Object.keys(expected).map(async file => [file, await readFile(path.join(out, file), 'utf8')]);
		t.deepEqual(Object.fromEntries(await Promise.all(contents)), expected);
	},
	title: (_, name: string) => `the Dockerfile ${name} builds`,
});

test(builds, 'shell-onbuild-chain', {greeting: 'hello\nagain\n'});
test(builds, 'shell-toolbox', {'home/tool/greeting': 'hello build from tool\n'});
test(builds, 'shell-report', {'report/sorted': 'two,2\none,1\n', 'report/lines': 'line 1\nline 2\nline 3\n'});
