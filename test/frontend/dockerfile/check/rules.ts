import test from 'ava';
import type {CheckWarning} from '../../../../frontend/dockerfile/check-warning.ts';
import type {ConvertOptions} from '../../../../frontend/dockerfile/convert.ts';
import {DockerfileError} from '../../../../frontend/dockerfile/errors.ts';
import {convert, type RecordedOptions} from '../../../support/conversion.ts';

/** What the checks find, as `Rule:line: detail`; the file may well be wrong. */
async function check(content: string, recorded: RecordedOptions = {}, options: Partial<ConvertOptions> = {}): Promise<readonly string[]> {
	const found: string[] = [];
	const warn = ({ruleName, detail, location: {startLine}}: CheckWarning) => {
		found.push(`${ruleName}:${startLine}: ${detail}`);
	};

	try {
		await convert(content, recorded, {...options, warn});
	} catch (error) {
		if (!(error instanceof DockerfileError)) {
			throw error;
		}
	}

	return found;
}

/** A variable in braces, which stand in no template here. */
const braced = (text: string) => ['$', '{', text, '}'].join('');

const finds = test.macro(async (t, content: string, expected: readonly string[], recorded: RecordedOptions = {}) => {
	t.deepEqual(await check(content, recorded), expected);
});

const undefinedVariable = (line: number, name: string, hint = '') => `UndefinedVar:${line}: Usage of undefined variable '$${name}'${hint}`;

test('variables are looked for where they are expanded', finds, [
	'FROM busybox',
	'COPY --chown=$B --chmod=$A $C /$D',
	'ADD $C x /d/',
	'LABEL $E=$F',
	'USER $G',
	'VOLUME /$H',
	'WORKDIR /$I',
	'ARG LONGNAME=$L',
	'RUN --mount=type=cache,target=/m$M true',
	'STOPSIGNAL $J',
	'',
].join('\n'), [
	undefinedVariable(2, 'B'),
	undefinedVariable(2, 'A'),
	undefinedVariable(2, 'C'),
	undefinedVariable(2, 'D'),
	undefinedVariable(3, 'C'),
	undefinedVariable(4, 'E'),
	undefinedVariable(4, 'F'),
	undefinedVariable(5, 'G'),
	undefinedVariable(6, 'H'),
	undefinedVariable(7, 'I'),
	undefinedVariable(8, 'L'),
	undefinedVariable(9, 'M'),
	undefinedVariable(10, 'J'),
]);

test('variables are not looked for where the shell expands them, nor in EXPOSE', finds, 'FROM busybox\nRUN echo $A\nCMD ["$B"]\nENTRYPOINT ["$C"]\nEXPOSE 80 $D\nHEALTHCHECK CMD echo $E\n', []);
test('variables in a document of a COPY are looked for', finds, 'FROM busybox\nCOPY <<EOF <<"RAW" /x/\n$A\nEOF\n$B\nRAW\n', [undefinedVariable(2, 'A')]);
test('an ARG without a value is declared', finds, 'FROM busybox\nARG A\nUSER $A\n', []);
test('an ARG of a stage below is declared', finds, 'FROM busybox AS a\nARG A=1\nFROM a\nUSER $A\n', []);
test('an ARG of another stage is not declared', finds, 'FROM busybox AS a\nARG A=1\nFROM busybox\nCOPY --from=a / /\nUSER $A\n', [undefinedVariable(5, 'A')]);
test('a global ARG is not declared in a stage', finds, 'ARG AAA=1\nFROM busybox\nUSER $AAA\n', [undefinedVariable(3, 'AAA')]);
test('a variable with a default is looked for too', finds, `FROM busybox\nUSER ${braced('A:-root')}\n`, [undefinedVariable(2, 'A')]);
test('variables of the image and of ENV are known, and suggested', finds, 'FROM busybox\nENV VERSION=1\nUSER $PATH$VERSOIN\n', [undefinedVariable(3, 'VERSOIN', ' (did you mean $VERSION?)')]);
test('what makes an expansion fail is found', finds, `FROM busybox\nUSER $A${braced('')}\n`, [undefinedVariable(2, 'A')]);
test('the arguments of the image\'s scanner need no declaration', finds, 'FROM busybox\nUSER $BUILDKIT_SBOM_SCAN_STAGE\n', []);

test('variables of FROM are global', finds, 'ARG TAG=latest\nFROM busybox:$TAG AS a\nFROM busybox$TAGG\n', [
	'UndefinedArgInFrom:3: FROM argument \'TAGG\' is not declared (did you mean TAG?)',
]);
test('an ARG without a value is declared for FROM', finds, `ARG TAG\nFROM busybox${braced('TAG')}\n`, []);
test('the platforms are declared for FROM', finds, 'FROM --platform=$BUILDPLATFORM busybox\n', []);
test('the default platform is redundant, not one of several variables', finds, [
	'ARG X=',
	'FROM --platform=$TARGETPLATFORM busybox',
	'FROM --platform=$TARGETPLATFORM$X busybox',
	'FROM --platform=$TARGETOS/amd64 busybox',
	'',
].join('\n'), [
	'RedundantTargetPlatform:2: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
]);
test('a constant platform may stand in the name of its stage', finds, 'FROM --platform=linux/amd64 busybox AS amd64-tools\nFROM --platform=amd64 busybox AS tools\n', [
	'FromPlatformFlagConstDisallowed:2: FROM --platform flag should not use constant value "amd64"',
]);
test('a platform that is none is no constant', finds, 'FROM --platform=nonsense busybox\n', []);
test('an image of another platform is told', finds, 'FROM localhost:5056/rec/multi:1\nCOPY --from=localhost:5056/rec/multi:1 / /\n', [
	'InvalidBaseImagePlatform:1: Base image localhost:5056/rec/multi:1 was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
	'InvalidBaseImagePlatform:2: Base image localhost:5056/rec/multi:1 was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
]);
test('a named context is what the user gave', finds, 'FROM localhost:5056/rec/multi:1\n', [], {namedContexts: ['localhost:5056/rec/multi:1']});

test('a name is judged without build arguments', finds, 'ARG BASE\nARG TAG=latest\nFROM $BASE\nFROM busybox:$TAG\n', [
	'InvalidDefaultArgInFrom:3: Default value for ARG $BASE results in empty or invalid base image name',
], {buildArgs: {BASE: 'busybox'}});
test('a default that cannot be expanded is not judged', finds, `ARG BASE=${braced('NAME:?')}\nFROM $BASE\n`, [], {buildArgs: {BASE: 'busybox'}});

test('CMD, ENTRYPOINT and HEALTHCHECK replace those before them in their stage', finds, [
	'FROM busybox AS a',
	'CMD ["a"]',
	'FROM a',
	'CMD ["b"]',
	'HEALTHCHECK NONE',
	'CMD ["c"]',
	'healthcheck CMD x',
	'CMD ["d"]',
	'USER x',
	'',
].join('\n'), [
	'ConsistentInstructionCasing:7: Command \'healthcheck\' should match the case of the command majority (uppercase)',
	'MultipleInstructionsDisallowed:4: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
	'MultipleInstructionsDisallowed:5: Multiple healthcheck instructions should not be used in the same stage because only the last one will be used',
	'MultipleInstructionsDisallowed:6: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
]);
test('the shell form of CMD is meant where a stage below chose the shell', finds, 'FROM busybox AS a\nSHELL ["/bin/ash", "-c"]\nFROM a\nCMD x\n', []);
test('a relative WORKDIR is judged once', finds, 'FROM busybox AS a\nWORKDIR a\nWORKDIR b\nFROM a\nWORKDIR c\n', [
	'WorkdirRelativePath:2: Relative workdir "a" can have unexpected results if the base image changes',
]);
test('a WORKDIR is judged as it is after expansion', finds, 'FROM busybox\nARG D=/x\nWORKDIR $D\n', []);
test('a pair without an equals sign is legacy, whatever its value', finds, 'FROM busybox\nENV a b=c d\nlabel a b\nENV a="b c" d=e\n', [
	'ConsistentInstructionCasing:3: Command \'label\' should match the case of the command majority (uppercase)',
	'LegacyKeyValueFormat:2: "ENV key=value" should be used instead of legacy "ENV key value" format',
	'LegacyKeyValueFormat:3: "label key=value" should be used instead of legacy "label key value" format',
]);
test('ports are judged after expansion, in their order', finds, 'FROM busybox\nARG P="90/UDP 1:80"\nEXPOSE $P 8000-8001/tcp\n', [
	'ExposeProtoCasing:3: Defined protocol \'90/UDP\' in EXPOSE instruction should be lowercase',
	'ExposeInvalidFormat:3: EXPOSE instruction should not define an IP address or host-port mapping, found \'1:80\'',
]);
test('triggers of an image are judged at its FROM', finds, 'FROM localhost:5056/rec/onb:1\nUSER $OBB\n', [undefinedVariable(2, 'OBB', ' (did you mean $OB?)')]);
test('the instructions of ONBUILD are judged where they are carried out', finds, 'FROM busybox AS a\nONBUILD MAINTAINERS\nONBUILD ENV a b\nFROM busybox\n', []);
test('only stages that the target needs are judged beyond their form', finds, 'FROM busybox AS a\nENV a b\nMAINTAINER x\nFROM busybox\n', [
	'MaintainerDeprecated:3: Maintainer instruction is deprecated in favor of using label',
]);

test('an empty line within an instruction is told at its end', finds, 'FROM busybox\nRUN a \\\n\n  # comment\n  && b\nRUN a \\\n # comment\n && b\nRUN <<E \\\n\n\nx\n\nE\nRUN c \\\n\n', [
	'NoEmptyContinuation:5: Empty continuation line',
	'NoEmptyContinuation:12: Empty continuation line',
	'NoEmptyContinuation:16: Empty continuation line',
]);

const secretNames = test.macro(async (t, names: readonly string[], isFound: boolean) => {
	for (const name of names) {
		const found = await check(`FROM busybox\nENV ${name}=x\nARG ${name}\n`);
		t.deepEqual(found, isFound ? ['ENV', 'ARG'].map((word, index) => `SecretsUsedInArgOrEnv:${index + 2}: Do not use ARG or ENV instructions for sensitive data (${word} "${name}")`) : []);
	}
});

test('names of secrets are told', secretNames, ['TOKEN', 'token', 'GITHUB_TOKEN', 'auth_header', 'API_KEY', 'apikey', 'DB_PASSWD_2', 'credential', 'AWS_CREDENTIALS', 'PWORD'], true);
test('names that only look like secrets are not', secretNames, ['TOKENIZER', 'KEYS', 'PASSWORDS', 'monkey', 'SECRET_FILE', 'PUBLIC_KEY', 'KEY_VERSION', 'GPGKEY'], false);

test('sources that .dockerignore leaves out are told, but those of stages and documents are not', async t => {
	const isIgnored = (path: string) => path.startsWith('a');
	const found = await check('FROM busybox AS s\nCOPY ./a/../a/b c/ /d/\nADD a* https://a.example/a /d/\nFROM s\nCOPY --from=s a <<a /d/\nx\na\n', {}, {
		loadIgnored: async () => isIgnored,
	});
	t.deepEqual(found, [
		'CopyIgnoredFile:2: Attempting to Copy file "a/b" that is excluded by .dockerignore',
		'CopyIgnoredFile:3: Attempting to Add file "a*" that is excluded by .dockerignore',
	]);
});

test('a comment may be about a name only where it is asked for', finds, '# check=experimental=all\n# no\nARG A\n# b is it\nFROM busybox AS B\n# A is it\nARG A C\n# x\n\nARG D\n#\nARG E\n', [
	'InvalidDefinitionDescription:3: Comment for ARG should follow the format: `# A <description>`',
	'StageNameCasing:5: Stage name \'B\' should be lowercase',
	'InvalidDefinitionDescription:10: Comment for ARG should follow the format: `# D <description>`',
]);
