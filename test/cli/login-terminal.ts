import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {startRegistry, testUser} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {waitForText} from '../support/wait-for-text.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');

type Typed = {
	/** What the terminal shows at last. */
	readonly waitFor: string;
	readonly type: string;
};

/** Runs the command line at a terminal: that of script(1), which gives what it shows. */
async function runAtTerminal(args: readonly string[], home: string, dialog: readonly Typed[]) {
	const command = [process.execPath, main, ...args].map(word => `'${word}'`).join(' ');
	const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
		env: {PATH: process.env.PATH, HOME: home, SHELL: '/bin/sh'},
		stdio: ['pipe', 'pipe', 'inherit'],
	});
	const closed = once(child, 'close') as Promise<[number]>;
	for (const {waitFor, type} of dialog) {
		await waitForText(child.stdout, waitFor);
		child.stdin.write(type);
	}

	const [shown, [exitCode]] = await Promise.all([text(child.stdout), closed]);
	return {shown, exitCode};
}

test('who is asked at a terminal sees the name, but not the password', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	const {shown, exitCode} = await runAtTerminal(['login', registry.host], home.path, [
		{waitFor: 'Username: ', type: `${testUser.username}\n`},
		{waitFor: 'Password: ', type: `${testUser.password}\n`},
	]);
	t.is(exitCode, 0);
	t.regex(shown, /\nLogin Succeeded\r\n$/v);
	t.notRegex(shown, /horse/v);
	t.regex(await readFile(path.join(home.path, '.docker/config.json'), 'utf8'), /"auth": "[\w+\/=]+"/v);
});

const gives = test.macro(async (t, typed: string, expected: {readonly exitCode: number; readonly shown: RegExp}) => {
	await using home = await makeTemporaryDirectory();
	const {shown, exitCode} = await runAtTerminal(['login', '-u', 'somebody', 'localhost:1'], home.path, [{waitFor: 'Password: ', type: typed}]);
	t.is(exitCode, expected.exitCode);
	t.regex(shown, expected.shown);
});

test('no password is no login', gives, '\n', {exitCode: 1, shown: /ERROR: password is required\r\n$/v});
test('the end of the input is no password', gives, '\u{4}', {exitCode: 1, shown: /ERROR: password is required\r\n$/v});
test('Ctrl-C ends the question', gives, '\u{3}', {exitCode: 130, shown: /ERROR: context canceled\r\n$/v});
