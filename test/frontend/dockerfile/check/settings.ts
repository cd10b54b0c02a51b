import test from 'ava';
import type {CheckWarning} from '../../../../frontend/dockerfile/check-warning.ts';
import {readCheckSettings, settingsOfComments} from '../../../../frontend/dockerfile/check/settings.ts';
import {DockerfileError} from '../../../../frontend/dockerfile/errors.ts';
import {convert} from '../../../support/conversion.ts';

const encode = (text: string) => new TextEncoder().encode(text);

const reads = test.macro((t, text: string, expected: {readonly skipped?: readonly string[] | 'all'; readonly experimental?: readonly string[] | 'all'; readonly isError?: boolean}) => {
	const {skipped, experimental, isError} = readCheckSettings(encode(text), new Map());
	t.deepEqual({
		skipped: skipped === 'all' ? skipped : [...skipped],
		experimental: experimental === 'all' ? experimental : [...experimental],
		isError,
	}, {
		skipped: [], experimental: [], isError: false, ...expected,
	});
});

test('a file without the directive has no settings', reads, 'FROM a\n# check=skip=all\n', {});
test('rules are skipped by their names', reads, '# check=skip=A,B\nFROM a\n', {skipped: ['A', 'B']});
test('all rules are skipped', reads, '#check=skip=all\n', {skipped: 'all'});
test('three settings stand in one line', reads, '# syntax=x\n# check=skip=A;error=true;experimental=all\r\n', {skipped: ['A'], isError: true, experimental: 'all'});
test('the name of the directive is read in any case, with blanks', reads, '#  Check =  error=1  \n', {isError: true});
test('an indented directive is none', reads, ' # check=error=1\n', {});
test('a file may begin with a line for the shell', reads, '#!/usr/bin/env build\n# check=error=1\n', {isError: true});
test('the value ends at a blank', reads, '# check=skip=A, B\n', {skipped: ['A', '']});
test('a file may begin with a byte order mark', reads, '\u{FEFF}# check=error=T\n', {isError: true});
test('an empty file has no settings', reads, '', {});
test('the directive of a file that breaks off at another one is read', reads, '# check=error=true\n# escape=x\n', {isError: true});

const refuses = test.macro((t, text: string, message: string) => {
	const error = t.throws(() => readCheckSettings(encode(text), new Map()), {instanceOf: DockerfileError, code: 'ERR_TSBUILD_DOCKERFILE_SYNTAX'});
	t.is(error?.message, `failed to parse check options: ${message}`);
});

test('a setting without a value is refused', refuses, '# check=skip\n', 'invalid check option "skip"');
test('an unknown setting is refused', refuses, '# check=skips=A\n', 'invalid check option "skips"');
test('a fourth one is part of the third', refuses, '# check=skip=A;skip=B;error=t;skip=C\n', 'failed to parse check option "error=t;skip=C": strconv.ParseBool: parsing "t;skip=C": invalid syntax');
test('error is a boolean', refuses, '# check=error=yes\n', 'failed to parse check option "error=yes": strconv.ParseBool: parsing "yes": invalid syntax');

test('the build argument takes the place of the directive', t => {
	const settings = readCheckSettings(encode('# check=nonsense\n'), new Map([['BUILDKIT_DOCKERFILE_CHECK', 'skip=all']]));
	t.is(settings.skipped, 'all');
});

test('comments that are no directive or cannot be read make no settings', t => {
	t.is(settingsOfComments(['skip=all', 'escape=`', 'a check=skip=all']), undefined);
	t.is(settingsOfComments(['check=nonsense', 'check=skip=all']), undefined);
	t.deepEqual(settingsOfComments(['words', 'check=skip=A'])?.skipped, new Set(['A']));
});

async function findRules(content: string): Promise<readonly string[]> {
	const found: string[] = [];
	const warn = ({ruleName, location}: CheckWarning) => {
		found.push(`${ruleName}:${location.startLine}`);
	};

	await convert(content, {}, {warn});
	return found;
}

test('a comment above an instruction counts for it alone', async t => {
	t.deepEqual(await findRules([
		'# check=skip=UndefinedVar',
		'FROM busybox',
		'# check=skip=MaintainerDeprecated',
		'MAINTAINER a',
		'# words',
		'# check=skip=all',
		'ENV a $b',
		'ENV c $d',
		'# check=skip=LegacyKeyValueFormat',
		'',
		'ENV e f',
		'# check=skip=LegacyKeyValueFormat',
		'#',
		'ENV g h',
		'',
	].join('\n')), ['LegacyKeyValueFormat:8', 'LegacyKeyValueFormat:14']);
});

test('rules about the whole file are not skipped by a comment', async t => {
	t.deepEqual(await findRules('FROM busybox AS a\n# check=skip=all\nfrom busybox as A\n'), ['DuplicateStageName:3', 'ConsistentInstructionCasing:3']);
});

test('an experimental rule cannot be skipped', async t => {
	t.deepEqual(await findRules('# check=skip=all;experimental=InvalidDefinitionDescription\n\n# x\nARG A\nFROM busybox\n'), ['InvalidDefinitionDescription:4']);
	t.deepEqual(await findRules('# x\n# check=experimental=all\nARG A\nFROM busybox\n'), ['InvalidDefinitionDescription:3']);
});

test('what is found fails the build where the file says so, after all was looked at', async t => {
	const content = '# check=error=true;skip=StageNameCasing\nFROM busybox AS A\nENV a b\nLABEL c d\nWORKDIR x\n';
	const error = await t.throwsAsync(convert(content), {instanceOf: DockerfileError, code: 'ERR_TSBUILD_DOCKERFILE_CHECK'});
	t.is(error?.message, 'lint violation found for rules: LegacyKeyValueFormat, WorkdirRelativePath');
	await t.notThrowsAsync(convert('# check=error=true;skip=all\nFROM busybox AS A\n'));
});
