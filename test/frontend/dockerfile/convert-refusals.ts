import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {convert} from '../../support/conversion.ts';

type Refusal = {readonly code: string; readonly message: string; readonly line: number};

const refuses = test.macro<[dockerfile: string, refusal: Refusal]>(async (t, dockerfile, {code, message, line}) => {
	const error = await t.throwsAsync(convert(dockerfile), {instanceOf: DockerfileError, code: `ERR_TSBUILD_DOCKERFILE_${code}`, message});
	t.is(error.location?.startLine, line);
});

test('an SSH mount has no source', refuses, 'FROM scratch\nRUN --mount=type=ssh,source=/a x', {
	code: 'VALUE',
	message: 'ssh does not support source',
	line: 2,
});
test('a mount comes from no variable', refuses, 'FROM scratch\nRUN --mount=from=$X,target=/c x', {
	code: 'SYNTAX',
	message: '\'from\' doesn\'t support variable expansion, define alias stage instead',
	line: 2,
});
test('a mount comes from an earlier stage', refuses, 'FROM scratch AS first\nRUN --mount=from=later,target=/c x\nFROM scratch AS later\nFROM first', {
	code: 'STAGE',
	message: 'cannot mount from stage "later" to "/c", stage needs to be defined before current command',
	line: 2,
});
test('a mount has a target', refuses, 'FROM scratch\nRUN --mount=type=tmpfs,target=/ x', {
	code: 'VALUE',
	message: 'invalid mount target "/"',
	line: 2,
});
test('a COPY takes no URL', refuses, 'FROM scratch\nCOPY https://example.com/a /', {
	code: 'VALUE',
	message: 'source can\'t be a URL for COPY',
	line: 2,
});
test('a COPY takes no repository', refuses, 'FROM scratch\nCOPY https://example.com/a.git /', {
	code: 'VALUE',
	message: 'source can\'t be a git ref for COPY',
	line: 2,
});
test('a COPY takes no heredoc as destination', refuses, 'FROM scratch\nCOPY a <<E\nE\n', {
	code: 'SYNTAX',
	message: 'dockerfile parse error on line 2: COPY cannot accept a heredoc as a destination',
	line: 2,
});
test('a checksum is for one source', refuses, 'FROM scratch\nADD --checksum=sha256:0 https://a/b c /', {
	code: 'VALUE',
	message: 'checksum can\'t be specified for multiple sources',
	line: 2,
});
test('a stage is copied from only after it', refuses, 'FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nFROM scratch\nCOPY --from=a / /', {
	code: 'STAGE',
	message: 'cannot copy from stage "b", it needs to be defined before current stage "a"',
	line: 2,
});
test('a platform must not be empty', refuses, 'FROM --platform=$TARGETPLATFROM scratch', {
	code: 'VALUE',
	message: 'empty platform value from expression $TARGETPLATFROM (did you mean TARGETPLATFORM?)',
	line: 1,
});
test('the first wrong line wins over later instructions', refuses, 'FROM scratch\nFOO x\nENV A', {
	code: 'SYNTAX',
	message: 'ENV must have two arguments',
	line: 3,
});
test('more than 10,000 instructions are refused', refuses, `FROM scratch\n${'RUN x\n'.repeat(10_000)}`, {
	code: 'LIMIT',
	message: 'dockerfile has more than 10000 instructions',
	line: 10_001,
});
test('variables that grow without end are refused', refuses, `FROM scratch\nENV A=aaaaaaaaaa\n${'ENV A=$A$A$A$A$A$A$A$A$A$A\n'.repeat(20)}`, {
	code: 'LIMIT',
	message: 'failed to expand the variables of the Dockerfile: the text becomes too long',
	line: 9,
});
test('the stages of a long circle are found', refuses, Array.from({length: 4000}, (_, index) => `FROM scratch AS s${index}\nCOPY --from=s${(index + 1) % 4000} / /\n`).join(''), {
	code: 'STAGE',
	message: 'circular dependency detected on stage: s0',
	line: 8000,
});
