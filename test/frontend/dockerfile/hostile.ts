import {Buffer} from 'node:buffer';
import test from 'ava';
import fastCheck from 'fast-check';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {convert} from '../../support/conversion.ts';

/** Whether a conversion ends in a result or in an error that is meant for the user. */
async function endsWell(content: string | Uint8Array): Promise<boolean> {
	try {
		await convert(content);
		return true;
	} catch (error) {
		if (error instanceof DockerfileError) {
			return error.locations.every(({startLine, endLine}) => startLine >= 1 && endLine >= startLine);
		}

		throw error;
	}
}

const words = [
	'FROM ',
	'busybox',
	'scratch',
	' AS a',
	'RUN ',
	'COPY ',
	'ADD ',
	'--from=',
	'ENV ',
	'ARG ',
	'A=',
	'$A',
	'$',
	'{A',
	':-',
	'}',
	'#',
	'//',
	'"',
	'\'',
	'\\',
	'\\\n',
	'\n',
	'\r\n',
	'<<E',
	'E\n',
	'<<-"E"',
	' ',
	'\t',
	'[',
	'"a"',
	',',
	']',
	'ONBUILD ',
	'WORKDIR ',
	'../',
	'/',
	'--chmod=',
	'644',
	'EXPOSE ',
	'1-9/udp',
	'HEALTHCHECK ',
	'CMD ',
	'--interval=',
	'1s',
	'# escape=`\n',
	'`',
	'\u{0}',
	'\u{FEFF}',
	'👽',
	'SHELL ',
	'USER ',
	'LABEL ',
	'VOLUME ',
	'STOPSIGNAL ',
	'--mount=',
	'type=cache,',
	'target=',
];

test('any bytes give a result or an error for the user', async t => {
	const bytes = fastCheck.uint8Array({maxLength: 400});
	await t.notThrowsAsync(async () => fastCheck.assert(fastCheck.asyncProperty(bytes, endsWell), {numRuns: 500}));
});

test('any arrangement of the language\'s parts gives a result or an error for the user', async t => {
	const dockerfile = fastCheck.array(fastCheck.oneof(fastCheck.constantFrom(...words), fastCheck.string({maxLength: 5})), {maxLength: 60});
	const property = fastCheck.asyncProperty(dockerfile, async parts => endsWell(`FROM busybox\n${parts.join('')}`));
	await t.notThrowsAsync(async () => fastCheck.assert(property, {numRuns: 2000}));
});

const megabyte = 1024 * 1024;

function fill(part: string): string {
	return part.repeat(Math.ceil(megabyte / part.length));
}

function lines(count: number, line: (index: number) => string): string {
	return Array.from({length: count}, (_, index) => line(index)).join('');
}

const from = 'FROM busybox\n';

/** Files of up to a megabyte, each of which made some draft of the frontend slow. */
const largeFiles: Readonly<Record<string, string | Uint8Array>> = {
	'zero bytes': Buffer.alloc(megabyte),
	'empty lines': '\n'.repeat(megabyte),
	comments: fill('#a\n'),
	'runs of blanks': fill(`RUN${' '.repeat(60_000)}x\n`),
	'a continued RUN': `${from}RUN a${fill(' \\\n b')}`,
	'a continuation of empty lines': `${from}RUN a \\\n${'\n'.repeat(megabyte)}`,
	'many RUNs': from + lines(9000, index => `RUN echo ${index} ${'x'.repeat(90)}\n`),
	'many variables': from + lines(9000, index => `ENV a${index}=b\n`),
	'many variables and RUNs': from + lines(9000, index => index < 4500 ? `ENV a${index}=b\n` : `RUN ${index}\n`),
	'many labels': from + lines(9000, index => `LABEL a${index}=b\n`),
	'labels of one instruction': `${from}LABEL ${fill('a=b \\\n')}\n`,
	'a variable that holds itself': `${from}ENV A=aaaaaaaaaa\n${'ENV A=$A$A$A$A$A$A$A$A$A$A\n'.repeat(700)}`,
	'nested substitutions': from + lines(16, () => `ENV A=${['$', '{A:-'].join('').repeat(12_000)}\n`),
	'a quote without end': `${from}ENV a="${fill('x\\\n')}`,
	'brackets without end': `${from}CMD ${fill('[\\\n')}`,
	'patterns with many stars': `${from}ENV A=${'a'.repeat(60_000)}\n${lines(100, () => `ENV B=\${A%%${'*a'.repeat(1000)}b}\n`)}`,
	'a long heredoc': `${from}RUN <<E\n${fill('echo a\n')}E\n`,
	'many heredocs': from + lines(4500, index => `COPY <<a${index} /x\nb\na${index}\n`),
	'many sources': `${from}COPY ${fill('a \\\n')} /d/\n`,
	'many flags': `${from}COPY ${fill('--exclude=a \\\n')} a b\n`,
	'many ports': `${from}EXPOSE ${'0-65535 '.repeat(8000)}\n`,
	'a chain of stages': lines(9000, index => `FROM ${index === 0 ? 'busybox' : `s${index - 1}`} AS s${index}\n`),
	'a chain of stages with variables': lines(4500, index => `FROM ${index === 0 ? 'busybox' : `s${index - 1}`} AS s${index}\nENV a${index}=1\n`),
	'stages that copy from each other': lines(4500, index => `FROM busybox AS s${index}\nCOPY --from=${Math.max(index - 1, 0)} / /\n`).replace('COPY --from=0 / /\n', ''),
	'triggers of triggers': `${from}${'ONBUILD '.repeat(8000)}\n`,
	'a long image name': `FROM ${'a-'.repeat(30_000)}!\n`,
	'a long mode': `${from}COPY --chmod=${'u+r,'.repeat(15_000)}! a b\n`,
};

const endsSoon = test.macro<[content: string | Uint8Array]>(async (t, content) => {
	// The slowest takes 0.5 s where this was written; with the square of the size it would be minutes.
	t.timeout(30_000);
	t.true(await endsWell(content));
});

for (const [name, content] of Object.entries(largeFiles)) {
	test.serial(`a file of a megabyte ends soon: ${name}`, endsSoon, content);
}
