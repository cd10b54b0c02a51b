import test from 'ava';
import fastCheck from 'fast-check';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {checkSyntax} from '../../../frontend/dockerfile/syntax.ts';

const check = (content: string, buildArgs: Readonly<Record<string, string>> = {}) => {
	checkSyntax({file: 'Dockerfile', content: new TextEncoder().encode(content)}, new Map(Object.entries(buildArgs)));
};

const takes = test.macro((t, content: string, buildArgs?: Readonly<Record<string, string>>) => {
	t.notThrows(() => {
		check(content, buildArgs);
	});
});

test('a file without the directive is taken', takes, 'FROM a\n# syntax=x/y\n');
test('an empty file is taken', takes, '');
test('docker/dockerfile is taken', takes, '# syntax=docker/dockerfile\n');
test('docker/dockerfile is taken in any version', takes, '#syntax = docker/dockerfile:1.7-labs\r\n');
test('docker/dockerfile is taken by its digest', takes, `# syntax=docker.io/docker/dockerfile:1@sha256:${'0'.repeat(64)}\n`);
test('docker/dockerfile-upstream is taken', takes, '# syntax=docker/dockerfile-upstream:master\n');
test('docker/dockerfile of a mirror is taken', takes, '# syntax=mirror.example:5000/hub/docker/dockerfile:1\n');
test('words behind the name of the frontend are for the frontend', takes, '# syntax=docker/dockerfile:1 a=b\n');
test('the build argument counts instead', takes, '# syntax=a/b\n', {BUILDKIT_SYNTAX: ' docker/dockerfile:1 '});
test('the frontend that is built in can be asked for', takes, '# syntax=a/b\n', {BUILDKIT_SYNTAX: 'dockerfile.v0'});
test('a directive behind another comment is none', takes, '# words\n# syntax=a/b\n');
test('a directive behind one that is unknown is none', takes, '# words=a\n# syntax=a/b\n');
test('a directive behind one that comes twice is none', takes, '# escape=`\n# escape=`\n# syntax=a/b\n');
test('an indented directive is none', takes, ' # syntax=a/b\n');
test('JSON without a frontend is none of ours to refuse', takes, '{"a": "b"}');

const refuses = test.macro((t, content: string, expected: {readonly message: string; readonly line?: number; readonly code?: string}, buildArgs?: Readonly<Record<string, string>>) => {
	const {message, line, code = 'UNSUPPORTED'} = expected;
	const error = t.throws(() => {
		check(content, buildArgs);
	}, {instanceOf: DockerfileError, message, code: `ERR_TSBUILD_DOCKERFILE_${code}`});
	t.is(error?.location?.startLine, line);
});

const cannotBeLoaded = (name: string) => `frontend ${name} cannot be loaded: only the language of docker/dockerfile is built in`;

test('another frontend is refused', refuses, '# escape=`\n# check=skip=all\n# SYNTAX=a/b:1 words\n', {message: cannotBeLoaded('a/b:1'), line: 3});
test('a frontend whose name is only like it is refused', refuses, '# syntax=a/mydocker/dockerfile\n', {message: cannotBeLoaded('a/mydocker/dockerfile'), line: 1});
test('another frontend of the build argument is refused', refuses, '# syntax=docker/dockerfile\n', {message: cannotBeLoaded('a/b')}, {BUILDKIT_SYNTAX: 'a/b'});
test('the directive may follow a byte order mark and a first line with #!', refuses, '\u{FEFF}#!/usr/bin/env build\n# syntax=a/b\nFROM a\n', {message: cannotBeLoaded('a/b'), line: 2});
test('another frontend in a comment of two slashes is refused', refuses, '// syntax=a/b\n{}', {message: cannotBeLoaded('a/b'), line: 1});
test('another frontend in JSON is refused', refuses, '\n{"x": 1, "syntax": "a/b"}', {message: cannotBeLoaded('a/b'), line: 1});
test('what is no reference is refused', refuses, '# syntax=BAD//ref\n', {message: 'invalid context name BAD//ref: invalid reference format', line: 1, code: 'VALUE'});

test('any file is taken or refused', t => {
	const line = fastCheck.oneof(fastCheck.constantFrom('# syntax=', '//syntax = ', '#!', '{"syntax":', '# escape=`', '\n', '"a/b"}', 'docker/dockerfile'), fastCheck.string({maxLength: 5}));
	const endsWell = (parts: readonly string[]) => {
		try {
			check(parts.join(''));
			return true;
		} catch (error) {
			return error instanceof DockerfileError;
		}
	};

	t.notThrows(() => {
		fastCheck.assert(fastCheck.property(fastCheck.array(line, {maxLength: 8}), endsWell));
	});
});

test('a long first line ends the search', takes, `# syntax=${'a/'.repeat(100_000)}b\n`);
