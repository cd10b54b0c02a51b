import {existsSync} from 'node:fs';
import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';

const repository = path.join(import.meta.dirname, '..');

async function readAll(pattern: string): Promise<ReadonlyArray<{readonly file: string; readonly content: string}>> {
	const files = await Array.fromAsync(glob(pattern, {cwd: repository}));
	return Promise.all(files.toSorted().map(async file => ({file, content: await readFile(path.join(repository, file), 'utf8')})));
}

function codesIn(text: string): readonly string[] {
	return [...new Set(text.match(/\bERR_TSBUILD(?:_[\dA-Z]+)+/gv))].toSorted();
}

test('every error code of the sources is explained, and no other', async t => {
	const sources = await readAll('{src,frontend,solver,snapshotter}/**/*.ts');
	const content = await readFile(path.join(repository, 'docs/errors.md'), 'utf8');
	const explained = content.matchAll(/^\| `(?<code>ERR_TSBUILD_\w+)` \|/gmv).map(({groups}) => groups!.code!).toArray();
	const thrown = codesIn(sources.map(source => source.content).join('\n'));
	t.deepEqual({
		missing: thrown.filter(code => !explained.includes(code)),
		unknown: explained.filter(code => !thrown.includes(code)),
		twice: explained.filter((code, index) => explained.indexOf(code) !== index),
	}, {missing: [], unknown: [], twice: []});
});

test('every relative link of the documents leads to a file, and to a heading where it names one', async t => {
	const documents = await readAll('{README.md,docs/**/*.md}');
	const broken: string[] = [];
	for (const {file, content} of documents) {
		for (const link of relativeLinks(content)) {
			if (!await leadsSomewhere(file, link)) {
				broken.push(`${file} -> ${link}`);
			}
		}
	}

	t.true(documents.length > 1);
	t.deepEqual(broken, []);
});

test('every decision has its number, its status and what follows from it', async t => {
	const decisions = await readAll('docs/adr/*.md');
	for (const [index, {file, content}] of decisions.entries()) {
		t.true(path.basename(file).startsWith(`${String(index + 1).padStart(4, '0')}-`), file);
		t.regex(content, new RegExp(String.raw`^# ${index + 1}\. `, 'v'), file);
		for (const part of ['Status: ', '## Context', '## Decision', '## Consequences']) {
			t.true(content.includes(`\n${part}`), `${file} has ${part}`);
		}
	}
});

function relativeLinks(content: string): readonly string[] {
	const prose = content.replaceAll(/^```.+?^```$/gmsv, '');
	return prose.matchAll(/\]\((?<link>[^\s\)]+)\)/gv).map(({groups}) => groups!.link!).filter(link => !/^[a-z]+:/v.test(link)).toArray();
}

async function leadsSomewhere(from: string, link: string): Promise<boolean> {
	const [target = '', heading] = link.split('#', 2);
	const file = target === '' ? path.join(repository, from) : path.join(repository, path.dirname(from), target);
	return existsSync(file) && (heading === undefined || headingsOf(await readFile(file, 'utf8')).includes(heading));
}

/** As GitHub names them in links. */
function headingsOf(content: string): readonly string[] {
	return content.matchAll(/^#+ (?<text>.+)$/gmv).map(({groups}) => groups!.text!.toLowerCase().replaceAll(/[^\p{Letter}\p{Number} \-]/gv, '').replaceAll(' ', '-')).toArray();
}
