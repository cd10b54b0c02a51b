import {execFileSync} from 'node:child_process';
import {
	mkdir,
	symlink,
	truncate,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {loadDockerfile, openContextDirectory} from '../../src/context/build-files.ts';
import type {TsbuildError} from '../../src/kernel/errors.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

type Load = {
	/** Prepares the directory `context`, which lies beside the file `outside`. */
	readonly prepare: (context: string) => Promise<void>;
	/** As of `-f`, below the context. */
	readonly file?: string;
};

async function load({prepare, file}: Load): Promise<string> {
	await using directory = await makeTemporaryDirectory();
	await writeFile(path.join(directory.path, 'outside'), 'secret\n');
	const context = path.join(directory.path, 'context');
	await mkdir(context);
	await prepare(context);
	using opened = await openContextDirectory(context);
	const {content} = await loadDockerfile(opened, file === undefined ? undefined : path.join(context, file), () => {
		// Nobody watches.
	});
	return new TextDecoder().decode(content);
}

const tells = test.macro(async (t, context: string, hint: RegExp | undefined) => {
	const error = await t.throwsAsync<TsbuildError>(async () => {
		using _context = await openContextDirectory(context);
	}, {code: 'ERR_TSBUILD_CONTEXT', message: `unable to prepare context: path "${context}" not found`});
	if (hint === undefined) {
		t.is(error.hint, undefined);
	} else {
		t.regex(error.hint ?? '', hint);
	}
});

test('a file is no context, and what to do is told', tells, import.meta.filename, /named with -f/v);
test('a directory that is not there is told', tells, '/nonexistent/directory', undefined);

const reads = test.macro(async (t, given: Load) => {
	t.is(await load(given), 'FROM scratch\n');
});

const refuses = test.macro(async (t, given: Load, message: string) => {
	await t.throwsAsync(load(given), {code: 'ERR_TSBUILD_DOCKERFILE', message: `failed to read dockerfile: ${message}`});
});

const write = (name: string) => async (context: string) => writeFile(path.join(context, name), 'FROM scratch\n');
const link = (target: string) => async (context: string) => {
	await mkdir(path.join(context, 'sub'));
	await writeFile(path.join(context, 'real'), 'FROM scratch\n');
	await writeFile(path.join(context, 'sub/real'), 'FROM scratch\n');
	await symlink(target, path.join(context, 'Dockerfile'));
	await symlink(target, path.join(context, 'sub/Dockerfile'));
};

const missing = 'open Dockerfile: no such file or directory';

test('the Dockerfile of the context is read', reads, {prepare: write('Dockerfile')});
test('where there is none, it may be in lower case', reads, {prepare: write('dockerfile')});
test('a given file is read', reads, {prepare: write('other'), file: 'other'});
test('a link to a file beside it is followed', reads, {prepare: link('real')});
test('a given link to a file beside it is followed', reads, {prepare: link('real'), file: 'sub/Dockerfile'});
test('a link out of the context is not followed', refuses, {prepare: link('../outside')}, missing);
test('a given link out of its directory is not followed', refuses, {prepare: link('../../outside'), file: 'sub/Dockerfile'}, missing);
test('a given link to a file of the host is not followed', refuses, {prepare: link('/etc/passwd'), file: 'Dockerfile'}, missing);
test('a given file in a missing directory is missing', refuses, {prepare: write('Dockerfile'), file: 'nosuch/Dockerfile'}, missing);

for (const file of [undefined, 'Dockerfile']) {
	const given = file === undefined ? '' : 'given ';
	test(`a ${given}directory is no Dockerfile`, refuses, {
		prepare: async context => mkdir(path.join(context, 'Dockerfile')),
		...(file !== undefined && {file}),
	}, 'Dockerfile is not a regular file');
	test(`a ${given}fifo is refused, and not waited for`, refuses, {
		async prepare(context) {
			execFileSync('mkfifo', [path.join(context, 'Dockerfile')]);
		},
		...(file !== undefined && {file}),
	}, 'Dockerfile is not a regular file');
	test(`a ${given}Dockerfile of a gigabyte is refused`, refuses, {
		async prepare(context) {
			await writeFile(path.join(context, 'Dockerfile'), '');
			await truncate(path.join(context, 'Dockerfile'), 2 ** 30);
		},
		...(file !== undefined && {file}),
	}, 'failed to read Dockerfile: larger than 16777216 bytes');
}
