import {mkdir, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {listTar} from '../support/case-files.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

/** A context whose `.dockerignore` leaves out `by-context`. */
type Given = {
	/** Added, by their path beside the context or in it. */
	readonly files: Readonly<Record<string, string>>;
	readonly links?: Readonly<Record<string, string>>;
	/** As of `-f`; likewise. */
	readonly dockerfile: string;
	/** A file that is standard input; likewise. */
	readonly input?: string;
};

const dockerfile = 'FROM scratch\nCOPY . /\n';
const ignoreFile = 'by-file\n';

const takes = test.macro(async (t, given: Given, taken: string) => {
	await using project = await makeProject({'.dockerignore': 'by-context\n', 'by-context': '', 'by-file': ''});
	await add(project, given);
	const result = await tsbuild(['build', '--progress', 'plain', '-f', given.dockerfile, '-o', 'type=tar,dest=files.tar', 'context'], {
		root: project.root,
		cwd: project.directory,
		...(given.input !== undefined && {input: path.join(project.directory, given.input)}),
	});
	t.is(result.exitCode, 0, result.stderr);
	const names = listTar(path.join(project.directory, 'files.tar')).map(line => line.split(' ', 4)[3]);
	t.deepEqual(names.filter(name => name?.startsWith('by-')), [taken]);
	// BuildKit looks for no other one either.
	t.is(result.stderr.includes('[internal] load .dockerignore'), taken === 'by-file');
});

async function add({directory}: Project, {files, links = {}}: Given): Promise<void> {
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(directory, name);
		await mkdir(path.dirname(file), {recursive: true});
		await writeFile(file, content);
	}

	for (const [name, target] of Object.entries(links)) {
		await symlink(target, path.join(directory, name));
	}
}

test('an ignore file beside the Dockerfile counts', takes, {
	files: {'context/Dockerfile': dockerfile, 'context/Dockerfile.dockerignore': ignoreFile},
	dockerfile: 'context/Dockerfile',
}, 'by-context');

test('an ignore file beside a Dockerfile in a folder of the context counts', takes, {
	files: {'context/sub/Dockerfile': dockerfile, 'context/sub/Dockerfile.dockerignore': ignoreFile},
	dockerfile: 'context/sub/Dockerfile',
}, 'by-context');

test('an ignore file beside a Dockerfile that is not in the context counts', takes, {
	files: {'elsewhere/app.Dockerfile': dockerfile, 'elsewhere/app.Dockerfile.dockerignore': ignoreFile},
	dockerfile: 'elsewhere/app.Dockerfile',
}, 'by-context');

test('an ignore file of that name in the context is not that of a Dockerfile elsewhere', takes, {
	files: {'elsewhere/Dockerfile': dockerfile, 'context/Dockerfile.dockerignore': ignoreFile},
	dockerfile: 'elsewhere/Dockerfile',
}, 'by-file');

test('a Dockerfile on standard input has no ignore file of its own', takes, {
	files: {given: dockerfile, 'context/Dockerfile.dockerignore': ignoreFile},
	dockerfile: '-',
	input: 'given',
}, 'by-file');

test('a link out of the directory of a Dockerfile is no ignore file', takes, {
	files: {'elsewhere/Dockerfile': dockerfile, outside: ignoreFile},
	links: {'elsewhere/Dockerfile.dockerignore': '../outside'},
	dockerfile: 'elsewhere/Dockerfile',
}, 'by-file');
