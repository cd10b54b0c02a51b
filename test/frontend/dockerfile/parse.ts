import {Buffer} from 'node:buffer';
import fs from 'node:fs/promises';
import test from 'ava';
import {DockerfileParser} from 'dockerfile-ast';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {parseDockerfile, type Statement} from '../../../frontend/dockerfile/parse.ts';

const fixtures = new URL('../../../fixtures/dockerfile/', import.meta.url);

function parse(content: string): readonly Statement[] {
	return parseDockerfile({file: 'Dockerfile', content: Buffer.from(content)});
}

const words = test.macro<[instruction: string, expected: readonly string[], isJson?: boolean]>((t, instruction, expected, isJson = false) => {
	const [statement] = parse(instruction);
	t.deepEqual(statement?.words, expected);
	t.is(statement?.isJson, isJson);
});

test('an ENV has names and values in turn', words, String.raw`ENV a=1 b="2 3" c=\ d`, ['a', '1', 'b', '"2 3"', 'c', String.raw`\ d`]);
test('an ENV of the old form has one name, and all the rest as value', words, 'ENV a  b=c  "d', ['a', 'b=c  "d']);
test('a LABEL is like an ENV', words, 'label a=b', ['a', 'b']);
test('an ARG has words with their quotes', words, 'ARG a b="c d"', ['a', 'b="c d"']);
test('a FROM is split at blanks', words, 'FROM  a \tAS\t b ', ['a', 'AS', 'b']);
test('a shell form is one word', words, 'RUN  echo  "a  b" ', ['echo  "a  b"']);
test('an exec form has its own words', words, 'RUN ["echo", "a  b"]', ['echo', 'a  b'], true);
test('what is nearly an exec form is a shell form', words, 'CMD ["a",]', ['["a",]']);
test('a COPY is split at blanks, whatever quotes there are', words, 'COPY "a b" c', ['"a', 'b"', 'c']);
test('a COPY may have an exec form', words, 'COPY ["a b", "c"]', ['a b', 'c'], true);
test('a HEALTHCHECK has its type in front', words, 'HEALTHCHECK --interval=1s CMD  a  b', ['CMD', 'a  b']);
test('a HEALTHCHECK may have an exec form', words, 'HEALTHCHECK CMD ["a", "b"]', ['CMD', 'a', 'b'], true);
test('there may be no words', words, 'USER', []);
test('an unknown instruction has none', words, 'FORM alpine', []);

test('a trigger is an instruction within another', t => {
	const [statement] = parse('ONBUILD --x copy --from=a b c');
	t.deepEqual(statement?.flags, ['--x']);
	t.like(statement?.trigger, {
		word: 'copy', keyword: 'COPY', flags: ['--from=a'], words: ['b', 'c'], text: 'copy --from=a b c',
	});
});

test('what an ENV must have is told with its line', t => {
	const error = t.throws(() => parse('FROM a\nENV a=1 \\\n b'), {instanceOf: DockerfileError, message: 'Syntax error - can\'t find = in "b". Must be of the form: name=value'});
	t.deepEqual(error.location, {file: 'Dockerfile', startLine: 2, endLine: 3});
});

/** The recorded Dockerfiles that keep to the plain part of the language. */
async function readPlainDockerfiles(): Promise<readonly string[]> {
	const files = await Array.fromAsync(fs.glob('*/Dockerfile', {cwd: fixtures}));
	const contents = await Promise.all(files.map(async file => fs.readFile(new URL(file, fixtures), 'utf8')));
	const wrong = /^ENV (?:A=1 B|ABC)$|^LABEL a=1 b$|must be set|, 1\]/mv;
	return contents.filter(content => !wrong.test(content) && /^[A-Z]/v.test(content) && !content.includes('<<') && !content.includes('\r'));
}

test('dockerfile-ast sees the same instructions on the same lines', async t => {
	const dockerfiles = await readPlainDockerfiles();
	t.true(dockerfiles.length > 80);
	for (const content of dockerfiles) {
		const others = DockerfileParser.parse(content).getInstructions();
		t.deepEqual(
			parse(content).map(({word, location}) => [word.toUpperCase(), location.startLine]),
			others.map(other => [other.getKeyword(), other.getRange().start.line + 1]),
		);
	}
});
