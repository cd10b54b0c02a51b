import {readFileSync} from 'node:fs';
import path from 'node:path';
import fastCheck, {type Arbitrary} from 'fast-check';

/*
Dockerfiles as nobody writes them, of what every BuildKit knows since 2020. Their stages begin with nothing and run nothing, so that any builder has their result at once.
*/

const {constantFrom: oneOf, array, tuple} = fastCheck;
const fixtures = path.join(import.meta.dirname, '../../../fixtures/differential');

type Text = Arbitrary<string>;

function lineOf(file: string): Text {
	return oneOf(...readFileSync(path.join(fixtures, file), 'utf8').slice(0, -1).split('\n'));
}

/** One of them, each as often as its weight says. */
function choice(...options: ReadonlyArray<readonly [weight: number, text: Text]>): Text {
	return fastCheck.oneof(...options.map(([weight, arbitrary]) => ({weight, arbitrary})));
}

function joined(...parts: ReadonlyArray<string | Text>): Text {
	return tuple(...parts.map(part => typeof part === 'string' ? oneOf(part) : part)).map(texts => texts.join(''));
}

function repeated(part: Text, minLength: number, maxLength: number): Text {
	return array(part, {minLength, maxLength}).map(texts => texts.join(''));
}

const name = oneOf('A', 'B', 'PATH', 'a.b', 'long_name', 'É');
const variable = tuple(lineOf('variables'), name).map(([form, variableName]) => form.replace('NAME', () => variableName));
const piece = choice([24, lineOf('plain')], [24, variable], [8, lineOf('quoted')], [1, lineOf('broken')]);
const word = repeated(piece, 1, 4);
const space = oneOf(' ', ' ', ' ', '  ', '\t', ' \\\n', ' \\\n\t', ' \\  \n ', ' \\\n# in between\n', ' \\\n\n');
const spaceAndWord = joined(space, word);
const words = repeated(spaceAndWord, 1, 3);

const jsonWords = array(lineOf('json-words'), {maxLength: 3}).map(list => list.map(item => `"${item}"`).join(', '));
const jsonArray = choice([8, joined('[', jsonWords, ']')], [1, lineOf('json-arrays')]);
const wordsOrArray = choice([1, words], [1, joined(' ', jsonArray)]);

const key = choice([4, name], [1, word]);
const equals = choice([12, oneOf('=')], [1, oneOf(' ', '')]);
const value = choice([8, word], [1, oneOf('')]);
const pairs = repeated(joined(space, key, equals, value), 1, 3);

const portNumber = choice(
	[1, fastCheck.nat(70_000).map(String)],
	[1, oneOf('80', '80-82', '9-8', '$A', 'http', '', '007', '-1', '1e3')],
);
const port = joined(
	oneOf(' ', ' ', ' 127.0.0.1:', ' [::1]:', ' :'),
	oneOf('', '', '8080:', '1-2:'),
	portNumber,
	oneOf('', '/tcp', '/udp', '/sctp', '/TCP', '/xyz', '/', '/tcp/udp'),
);

const duration = oneOf('1s', '500ms', '1m30s', '0', '0s', '1us', '1.5h', '-1s', 'x', '', '1', '$A', '99999999h');
const healthFlag = choice(
	[1, joined(oneOf(' --interval=', ' --timeout=', ' --start-period='), duration)],
	[1, oneOf(' --retries=3', ' --retries=0', ' --retries=-1', ' --retries=x', ' --interval', ' --unknown=1')],
);
const healthCommand = choice(
	[1, joined(' CMD', wordsOrArray)],
	[1, oneOf(' NONE', ' none', ' NONE x', ' CMD', ' cmd true', ' FOO', '')],
);

const transferFlag = oneOf('', '', '', ' --chown=1:2', ' --chown=$A', ' --chown=', ' --from=base', ' --from=0', ' --from=9', ' --from=$A', ' --chmod=', ' --unknown', ' --chown');
const source = oneOf('f', './f', '/f', '../f', 'd', 'd/', 'd/*', '.', 'none', 'no*', '$A', '"f"', 'd/../f', '[f]', '');
const sources = array(source, {minLength: 1, maxLength: 2});
const destination = choice([1, oneOf('/', '/g', 'g/', '.', './', '..', '/$A/', '$B', '/d', '')], [1, word]);
const transfer = choice(
	[1, tuple(sources, destination).map(([list, last]) => ['', ...list, last].join(' '))],
	[1, sources.map(list => ` ${JSON.stringify([...list, '/g/'])}`)],
);
const signal = choice([1, oneOf(' SIGTERM', ' 9', ' sigint', ' 99', ' SIGX', ' RTMIN+3', ' $A', ' -1')], [1, words]);

const instruction = choice(
	[4, joined('ENV', pairs)],
	[3, joined('LABEL', pairs)],
	[3, joined('ARG', pairs)],
	[3, joined('EXPOSE', repeated(port, 1, 3))],
	[3, joined('WORKDIR', words)],
	[2, joined(oneOf('USER', 'MAINTAINER'), words)],
	[6, joined(oneOf('CMD', 'ENTRYPOINT', 'SHELL', 'VOLUME'), wordsOrArray)],
	[1, joined('STOPSIGNAL', signal)],
	[2, joined('HEALTHCHECK', repeated(healthFlag, 0, 3), healthCommand)],
	[3, joined(oneOf('COPY', 'ADD', 'copy'), transferFlag, transfer)],
);

const line = choice(
	[40, instruction],
	[5, joined('ONBUILD ', instruction)],
	[1, instruction.map(text => text.toLowerCase())],
	[2, lineOf('lines')],
	[1, oneOf('', '  ')],
	[2, lineOf('stages')],
	[1, lineOf('incomplete')],
);

const head = choice(
	[20, oneOf('', '', '# escape=`\n', '# escape=\\\n', '\u{FEFF}', '#!/bin/sh\n', '# a comment\n\n', '\n\n', 'ARG A=scratch\n', 'ARG A=linux/amd64 B\n', 'ARG A=$B\nARG B=1\n')],
	[1, oneOf('# escape=x\n', 'ENV A=b\n')],
);

const triggers = 'FROM scratch AS base\nONBUILD ENV A=ob\nONBUILD LABEL x=$A\nFROM base\n';
// There is always a stage: BuildKit of 2020 breaks down, and Docker's engine with it, where there is none.
const base = oneOf('FROM scratch AS base\n', 'from scratch as base\n', 'FROM scratch\n', 'FROM scratch AS Base\nENV A=1 B=two\nFROM base\n', triggers);

const text = tuple(head, base, array(line, {maxLength: 4}), oneOf('', ...'\n'.repeat(9)))
	.map(([first, stage, lines, end]) => `${first}${stage}${lines.join('\n')}${end}`);

/** A Dockerfile, valid or broken; one of ten has CRLF at the ends of its lines. */
export const randomDockerfile: Text = choice([9, text], [1, text.map(lines => lines.replaceAll('\n', '\r\n'))]);
