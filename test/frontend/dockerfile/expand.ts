import fs from 'node:fs/promises';
import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {expandToWords, expandWord} from '../../../frontend/dockerfile/expand.ts';
import type {ExpandOptions} from '../../../frontend/dockerfile/word-expander.ts';
import {WorkBudget} from '../../../frontend/dockerfile/work-budget.ts';

const variables = new Map(Object.entries({
	PWD: '/home',
	SHELL: 'bash',
	NULL: '',
	KOREAN: '한국어',
	FOO: 'xxyy',
	PATHS: '/a/foo/b/c.txt',
	STARS: 'a***yy*',
	ODD: String.raw`()[]{}^$.*?|\x`,
	SPACED: ' a  b ',
}));

type Group<Expected> = {
	readonly title: string;
	readonly options?: Partial<ExpandOptions>;
	readonly cases: ReadonlyArray<readonly [word: string, expected: Expected]>;
};

/** Words with what becomes of them, as data: a `$` and a brace in TypeScript look like a mistake. */
async function readGroups<Expected>(file: string): Promise<ReadonlyArray<Group<Expected>>> {
	const content = await fs.readFile(new URL(`../../../fixtures/expansion/${file}`, import.meta.url), 'utf8');
	return JSON.parse(content) as ReadonlyArray<Group<Expected>>;
}

function expand(word: string, options: Partial<ExpandOptions> = {}): string {
	return expandWord(word, variables, {escape: '\\', budget: new WorkBudget(), ...options}).text;
}

const expands = test.macro<[group: Group<string>]>((t, {cases, options}) => {
	for (const [word, expected] of cases) {
		t.is(expand(word, options), expected, word);
	}
});

const refuses = test.macro<[group: Group<string>]>((t, {cases, options}) => {
	for (const [word, reason] of cases) {
		t.throws(() => expand(word, options), {
			instanceOf: DockerfileError,
			code: 'ERR_TSBUILD_DOCKERFILE_EXPANSION',
			message: `failed to process ${JSON.stringify(word)}: ${reason}`,
		}, word);
	}
});

const splits = test.macro<[group: Group<readonly string[]>]>((t, {cases, options}) => {
	for (const [text, words] of cases) {
		t.deepEqual(expandToWords(text, variables, {escape: '\\', budget: new WorkBudget(), ...options}), words, text);
	}
});

const [expansions, refusals, splittings] = await Promise.all([
	readGroups<string>('expands.json'),
	readGroups<string>('refuses.json'),
	readGroups<readonly string[]>('splits.json'),
]);

for (const group of expansions) {
	test(group.title, expands, group);
}

for (const group of refusals) {
	test(group.title, refuses, group);
}

for (const group of splittings) {
	test(group.title, splits, group);
}

/** `${name` with what follows. */
function brace(text: string): string {
	return `\${${text}`;
}

test('what is not set is told', t => {
	const {unset} = expandWord(`$a ${brace('b:-$c}')} $PWD ${brace('PWD:-$d}')}`, variables, {escape: '\\', budget: new WorkBudget()});
	t.deepEqual([...unset], ['a', 'c', 'b', 'd']);
});

test('nesting has an end', t => {
	t.is(expand(`${brace('a:-').repeat(200)}x${'}'.repeat(200)}`), 'x');
	t.throws(() => expand(brace('a:-').repeat(201) + '}'.repeat(201)), {code: 'ERR_TSBUILD_DOCKERFILE_EXPANSION', message: /more than 200 substitutions/v});
});

test('a pattern with many stars costs no more than its length times that of the value', t => {
	const long = new Map([['A', 'a'.repeat(20_000)]]);
	const {text} = expandWord(brace(`A%%${'*a'.repeat(30)}b}`), long, {escape: '\\', budget: new WorkBudget()});
	t.is(text.length, 20_000);
});

test('the budget bounds what substitutions make', t => {
	const budget = new WorkBudget(100);
	const long = new Map([['A', 'a'.repeat(40)]]);
	t.throws(() => expandWord('$A$A$A', long, {escape: '\\', budget}), {code: 'ERR_TSBUILD_DOCKERFILE_LIMIT'});
});
