import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {makeTemporaryBaseImage} from '../support/base-image.ts';
import {makeProject} from '../support/project.ts';
import {TerminalScreen} from '../support/terminal-screen.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');
const script = '/usr/bin/script';
const size = {columns: 100, rows: 30};

const dockerfile = String.raw`FROM base
RUN echo begun; printf '\033[2J\033[31mred\n'
RUN echo fails; exit 3
`;

type Options = {readonly args?: readonly string[]; readonly environment?: Readonly<Record<string, string>>};

/** Builds on a terminal that util-linux's `script` makes, and returns all that was written to it. */
async function buildOnTerminal(t: ExecutionContext, {args = [], environment = {}}: Options): Promise<string | undefined> {
	if (!existsSync(script)) {
		t.log(`skipped: there is no ${script}`);
		t.pass();
		return undefined;
	}

	await using project = await makeProject({Dockerfile: dockerfile});
	await using base = await makeTemporaryBaseImage();
	const words = [process.execPath, main, 'build', '--root', project.root, '--build-context', `base=oci-layout://${base.directory}`, ...args, project.context];
	const command = `stty cols ${size.columns} rows ${size.rows}; exec ${words.map(word => `'${word}'`).join(' ')}`;
	const child = spawn(script, ['-qec', command, '/dev/null'], {
		env: {
			...process.env, TERM: 'xterm', NO_COLOR: '', ...environment,
		},
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	return await text(child.stdout);
}

test('on a terminal the build is drawn in place', async t => {
	const output = await buildOnTerminal(t, {});
	if (output === undefined) {
		return;
	}

	const screen = new TerminalScreen(size);
	screen.write(output);
	const lines = screen.text.split('\n');
	const headers = lines.filter(line => line.startsWith('[+] Building'));
	t.is(headers.length, 1);
	t.regex(headers[0]!, /^\[\+\] Building \d+\.\ds \(\d+\/\d+\) .* tsbuild:default$/v);
	t.regex(screen.text, /\n => ERROR \[\d\/\d\] RUN echo fails; exit 3 {2,}\d+\.\ds\n/v);
	t.regex(screen.text, /\n------\n > \[\d\/\d\] RUN echo fails; exit 3:\n\d+\.\d{3} fails\n------\n/v);
	t.regex(screen.text, /\nERROR: failed to build: .*(?:\n.*)?exit code: 3$/v);
	t.true(screen.isCursorVisible);
});

test('with NO_COLOR a terminal gets no colours', async t => {
	const output = await buildOnTerminal(t, {environment: {NO_COLOR: '1'}});
	const sequences = output?.split('\u{1B}[').slice(1) ?? [];
	t.deepEqual(sequences.filter(sequence => /^[13-9]\d*m/v.test(sequence)), []);
});

test('plain progress does not draw on a terminal', async t => {
	const output = await buildOnTerminal(t, {args: ['--progress', 'plain']});
	if (output === undefined) {
		return;
	}

	const withoutColors = output.replace(' \u{1B}[31mred\u{1B}[0m\r\n', ' a red word\r\n');
	t.regex(withoutColors, /\r\n#\d+ \d+\.\d{3} a red word\r\n/v);
	t.false(withoutColors.includes('\u{1B}'));
});

test('without a terminal --progress tty is refused', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const {exitCode, stderr} = await project.build('--progress', 'tty');
	t.is(exitCode, 1);
	t.true(stderr.startsWith('ERROR: failed to get console: provided file is not a console\n'));
});

test('raw JSON is a line for each event, and then the error', async t => {
	await using project = await makeProject({Dockerfile: dockerfile.replace('FROM', 'from')});
	const {exitCode, stderr} = await project.build('--progress', 'rawjson');
	t.is(exitCode, 1);
	const lines = stderr.slice(0, stderr.indexOf('Dockerfile:3\n')).trimEnd().split('\n');
	const kinds = lines.flatMap(line => Object.keys(JSON.parse(line) as Record<string, unknown>));
	t.deepEqual([...new Set(kinds)].toSorted(), ['logs', 'statuses', 'vertexes', 'warnings']);
});

test('quiet progress shows nothing but the error', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	for (const mode of ['quiet', 'none']) {
		const {stderr} = await project.build('--progress', mode);
		t.true(stderr.startsWith('Dockerfile:3\n'));
	}
});
