import {Buffer} from 'node:buffer';
import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {scanDockerfile, type LogicalLine} from '../../../frontend/dockerfile/scan.ts';

function scan(content: string): readonly LogicalLine[] {
	return [...scanDockerfile({file: 'Dockerfile', content: Buffer.from(content)})];
}

function summarize(content: string): ReadonlyArray<readonly [string, number, number]> {
	return scan(content).map(({text, location: {startLine, endLine}}) => [text, startLine, endLine]);
}

const lines = test.macro<[content: string, expected: ReadonlyArray<readonly [text: string, start: number, end: number]>]>((t, content, expected) => {
	t.deepEqual(summarize(content), expected);
});

test('every line is an instruction; blank lines and comments are none', lines, 'FROM a\n\n# c\n  # d\nRUN b', [['FROM a', 1, 1], ['RUN b', 5, 5]]);
test('white space before an instruction falls out, after it stays', lines, ' \t\u{A0}FROM a  \n', [['FROM a  ', 1, 1]]);
test('an escape character at the end of a line joins the next one, whose indentation stays', lines, 'RUN a \\\n   b\\\n c\n', [['RUN a    b c', 1, 3]]);
test('white space may follow the escape character that continues a line', lines, 'RUN a\\ \t\nb\n', [['RUN ab', 1, 2]]);
test('an escaped escape character continues nothing', lines, 'RUN a\\\\\nRUN b\n', [['RUN a\\\\', 1, 1], ['RUN b', 2, 2]]);
test('comments and empty lines in a continued line fall out', lines, 'RUN a \\\n # c \\\n\n  \nb\nRUN c', [['RUN a b', 1, 5], ['RUN c', 6, 6]]);
test('a file may end in a continued line', lines, 'RUN a \\\n', [['RUN a ', 1, 1]]);
test('a lone escape character joins what follows', lines, '\\\nFROM a\n', [['FROM a', 1, 2]]);
test('Windows line ends and a byte order mark fall out', lines, '\u{FEFF}FROM a\r\nRUN b \\\r\n c\r\n', [['FROM a', 1, 1], ['RUN b  c', 2, 3]]);
test('a byte order mark in another place stays', lines, 'FROM a\n\u{FEFF}RUN b\n', [['FROM a', 1, 1], ['\u{FEFF}RUN b', 2, 2]]);
test('a number sign within a line is an argument', lines, 'RUN a # b\n', [['RUN a # b', 1, 1]]);
test('the escape directive changes the escape character', lines, '# escape=`\nRUN a \\\nRUN b `\n c\n', [['RUN a \\', 2, 2], ['RUN b  c', 3, 4]]);
test('a directive after a comment is a comment', lines, '# hello\n# escape=`\nRUN a \\\n b\n', [['RUN a  b', 3, 4]]);
test('a directive after a blank line is a comment', lines, '\n# escape=`\nRUN a \\\n b\n', [['RUN a  b', 3, 4]]);
test('a directive with an unknown name ends the directives', lines, '# foo=bar\n# escape=`\nRUN a \\\n b\n', [['RUN a  b', 3, 4]]);
test('directives may have blanks and any case', lines, '#\tSyntax = docker/dockerfile:1\n#   ESCAPE  =  `  \nRUN a `\n b\n', [['RUN a  b', 3, 4]]);
test('a heredoc belongs to its instruction', lines, 'RUN <<EOF\necho a\nEOF\nRUN b\n', [['RUN <<EOF', 1, 3], ['RUN b', 4, 4]]);
test('a heredoc of a continued line begins after the last of its lines', lines, 'RUN <<EOF \\\n cat\nRUN x\nEOF\n', [['RUN <<EOF  cat', 1, 4]]);
test('an exec form has no heredocs', lines, 'RUN ["cat", "<<EOF"]\nRUN b\n', [['RUN ["cat", "<<EOF"]', 1, 1], ['RUN b', 2, 2]]);
test('instructions other than RUN, COPY and ADD have no heredocs', lines, 'ENV A=<<EOF\nEOF\n', [['ENV A=<<EOF', 1, 1], ['EOF', 2, 2]]);
test('a here-string is no heredoc', lines, 'RUN cat <<<EOF\nRUN b\n', [['RUN cat <<<EOF', 1, 1], ['RUN b', 2, 2]]);
test('a heredoc in quotes is none', lines, 'RUN echo "<<EOF"\nRUN b\n', [['RUN echo "<<EOF"', 1, 1], ['RUN b', 2, 2]]);

test('comments right above an instruction belong to it, and an empty comment starts anew', t => {
	const [from, run, last] = scan('# syntax=x\n# a\n# b\nFROM a\n# c\n#\n#  d \nRUN b\nRUN c\n');
	t.deepEqual(from?.comments, ['a', 'b']);
	t.deepEqual(run?.comments, ['d']);
	t.deepEqual(last?.comments, []);
});

test('heredocs keep every byte of their bodies', t => {
	const [line] = scan('RUN <<A 3<<-\'B\' <<"C d"\n \\\n# no comment\nA \nA\n\tx\r\n\tB\nC d\nEOF');
	t.deepEqual(line?.heredocs, [
		{
			name: 'A', expands: true, removesTabs: false, content: ' \\\n# no comment\nA \n',
		},
		{
			name: 'B', expands: false, removesTabs: true, content: '\tx\r\n',
		},
		{
			name: 'C d', expands: false, removesTabs: false, content: '',
		},
	]);
});

test('a trigger may have heredocs', t => {
	const [line] = scan('ONBUILD COPY <<a /x\nb\na\n');
	t.is(line?.heredocs[0]?.content, 'b\n');
});

test('bytes that are no UTF-8 become replacement characters', t => {
	const [line] = scanDockerfile({file: 'Dockerfile', content: Buffer.from('RUN echo \u{E9}\n', 'latin1')});
	t.is(line?.text, 'RUN echo \u{FFFD}');
});

test('a view into a larger buffer is read within its bounds', t => {
	const bytes = Buffer.from('RUN a\nFROM b\nRUN c\n');
	const [line, ...others] = scanDockerfile({file: 'Dockerfile', content: bytes.subarray(6, 13)});
	t.is(line?.text, 'FROM b');
	t.deepEqual(others, []);
});

test('lines of 64 KiB with their end are taken', t => {
	const [line] = scan(`RUN ${'x'.repeat(65_531)}\n`);
	t.is(line?.text.length, 65_535);
});

type Failure = {readonly message: string; readonly lines: ReadonlyArray<readonly [start: number, end: number]>};

const fails = test.macro<[content: string, failure: Failure]>((t, content, {message, lines: expected}) => {
	const error = t.throws(() => scan(content), {instanceOf: DockerfileError, message});
	t.deepEqual(error.locations.map(({startLine, endLine}) => [startLine, endLine]), expected.map(([start, end]) => [start, end]));
});

test('a longer line is refused', fails, `FROM a\nRUN ${'x'.repeat(65_532)}\n`, {
	message: 'dockerfile line greater than max allowed size of 65535',
	lines: [[2, 2]],
});
test('64 KiB without a line end are refused', fails, 'x'.repeat(65_536), {
	message: 'dockerfile line greater than max allowed size of 65535',
	lines: [[1, 1]],
});
test('a longer line in a heredoc is refused', fails, `RUN <<E\n${'x'.repeat(65_536)}\nE\n`, {
	message: 'dockerfile line greater than max allowed size of 65535',
	lines: [[2, 2]],
});
test('a heredoc without its end is refused', fails, 'FROM a\nRUN <<E\na\n E\nE \n', {
	message: 'unterminated heredoc',
	lines: [[2, 5]],
});
test('a file of comments is refused', fails, '# a\n# b\n', {
	message: 'file with no instructions',
	lines: [[2, 2]],
});
test('a directive that comes twice is refused, with the line before it as BuildKit does', fails, '# escape=`\n# check=skip=all\n# escape=`\nFROM a\n', {
	message: 'only one escape parser directive can be used',
	lines: [[2, 2]],
});
test('an escape character that is none is refused', fails, '# escape=x\nFROM a\n', {
	message: 'invalid escape token \'x\' does not match ` or \\',
	lines: [],
});
