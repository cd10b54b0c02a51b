import test from 'ava';
import fastCheck from 'fast-check';
import {listTargets} from '../../../../frontend/dockerfile/targets.ts';
import {readOutline} from '../../../../frontend/dockerfile/outline.ts';
import {DockerfileError} from '../../../../frontend/dockerfile/errors.ts';
import {convert} from '../../../support/conversion.ts';

/** A variable in braces, which stand in no template here. */
const braced = (text: string) => ['$', '{', text, '}'].join('');

const lines = [
	'FROM busybox',
	'FROM busybox AS a',
	'from a as B',
	'FROM --platform=$TARGETPLATFORM scratch AS c',
	`FROM --platform=linux/${braced('A:-amd64')} $A`,
	'FROM busybox:$A AS scratch',
	'ARG A',
	'ARG A=busybox B=$A',
	`ARG TOKEN=$TOKEN C=${braced('D:+$E')}`,
	'# check=skip=all',
	'# check=skip=UndefinedVar;error=true',
	'# check=nonsense',
	'# A is it',
	'#',
	'',
	'ENV A b',
	'ENV A=$A A=$B$C',
	'LABEL a $b',
	'MAINTAINER $a',
	'COPY $A $B /$C/',
	'COPY --from=a --chown=$A a b/',
	'COPY <<E /x\n$A\nE',
	'ADD https://$A.example/ .',
	'RUN a \\\n\n b',
	'RUN --mount=type=ssh,id=$A --mount=type=secret,id=b,required x',
	'RUN --mount=from=a,target=/$A <<E\n$x\nE',
	'CMD a',
	'ENTRYPOINT ["a", ]',
	'SHELL ["a"]',
	'HEALTHCHECK CMD $a',
	'EXPOSE 1:2/TCP $A 3-4/udp',
	'WORKDIR a$A',
	'USER $A',
	'VOLUME /$A ["b"]',
	'STOPSIGNAL $A',
	'ONBUILD ENV a $b',
	'FROM localhost:5056/rec/onb:1',
	'copy $A',
];

const part = fastCheck.oneof({arbitrary: fastCheck.constantFrom(...lines), weight: 20}, fastCheck.string({maxLength: 8}));
const dockerfile = fastCheck.array(part, {maxLength: 25}).map(parts => `FROM busybox\n${parts.join('\n')}`);

/** What a conversion ends in: its definition and image, or its error. */
async function outcomeOf(content: string, check: string): Promise<unknown> {
	let isSound = true;
	try {
		const {definition, image, record} = await convert(content, {buildArgs: {BUILDKIT_DOCKERFILE_CHECK: check}}, {
			allStages: true,
			loadIgnored: async () => path => path === 'a',
			warn({location: {startLine, endLine}, detail}) {
				isSound &&= detail !== '' && startLine >= 1 && endLine >= startLine;
			},
		});
		readOutline(record);
		return {isSound, vertexes: definition.vertexes, image};
	} catch (error) {
		if (error instanceof DockerfileError) {
			return {isSound, message: error.message, locations: error.locations};
		}

		throw error;
	}
}

test('checks change nothing, whatever they find', async t => {
	await fastCheck.assert(fastCheck.asyncProperty(dockerfile, async content => {
		const checked = await outcomeOf(content, 'experimental=all');
		t.deepEqual(checked, await outcomeOf(content, 'skip=all'));
		t.true((checked as {readonly isSound: boolean}).isSound);
	}), {numRuns: 1000});
});

test('the targets of any file are listed, or an error tells why not', t => {
	const endsWell = (content: string) => {
		try {
			return listTargets({file: 'Dockerfile', content: new TextEncoder().encode(content)}).length > 0;
		} catch (error) {
			return error instanceof DockerfileError;
		}
	};

	t.notThrows(() => {
		fastCheck.assert(fastCheck.property(dockerfile, endsWell), {numRuns: 500});
	});
});

function repeat(count: number, line: (index: number) => string): string {
	return Array.from({length: count}, (_, index) => line(index)).join('');
}

/** Files of up to a megabyte in which every line is something for the checks. */
const largeFiles: Readonly<Record<string, string>> = {
	'unknown variables among many': repeat(5000, index => `ENV LONGNAME${index}=b\n`) + repeat(4000, index => `USER $LONGNAM${index}\n`),
	'unknown variables in one line': `USER ${repeat(8000, index => `$a${index}`)}\n`,
	'comments above an instruction with many faults': `${repeat(100_000, () => '# a\n')}USER ${repeat(8000, index => `$a${index}`)}\n`,
	'legacy pairs': repeat(9000, index => `ENV key${index} b\n`),
	'stages of one name': repeat(9000, () => 'from busybox As A\n'),
	'unknown arguments of FROM': repeat(4000, index => `ARG LONGNAME${index}=busybox\n`) + repeat(4000, index => `FROM $LONGNAM${index}x:-busybox\n`),
	'empty lines in instructions': repeat(9000, () => 'RUN a \\\n\n b\n'),
	'ports with hosts': `EXPOSE ${'1:2/TCP '.repeat(50_000)}\n`,
	'sources that are left out': `COPY ${'a '.repeat(50_000)} /d/\n`,
	'names that are almost those of secrets': `ENV ${repeat(1000, index => `${'_key'.repeat(12)}s${index}=a `)}\n`,
};

const endsSoon = test.macro(async (t, content: string) => {
	// The slowest takes half a second where this was written; with the square of the size it would be minutes.
	t.timeout(30_000);
	t.truthy(await outcomeOf(content.startsWith('ARG') ? content : `FROM busybox\n${content}`, 'experimental=all'));
});

for (const [name, content] of Object.entries(largeFiles)) {
	test.serial(`checks of a megabyte end soon: ${name}`, endsSoon, content);
}
