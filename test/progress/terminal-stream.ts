import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {setImmediate} from 'node:timers/promises';
import {testWhere} from '../support/conditions.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const module = import.meta.resolve('../../src/progress/terminal-stream.ts');
const script = '/usr/bin/script';
const size = 2 ** 20;

const onTerminal = testWhere(existsSync(script), 'it needs script, of util-linux');

onTerminal('a terminal that nobody reads does not keep the process from other things, and gets all when it is read', async t => {
	await using directory = await makeTemporaryDirectory();
	const mark = path.join(directory.path, 'mark');
	const program = `
		import {writeFileSync} from 'node:fs';
		import {openTerminalStream} from ${JSON.stringify(module)};
		openTerminalStream(2).write('x'.repeat(${size}));
		writeFileSync(${JSON.stringify(mark)}, '');
	`;
	const file = path.join(directory.path, 'program.mjs');
	await writeFile(file, program);
	const child = spawn(script, ['-qec', `exec '${process.execPath}' '${file}'`, '/dev/null'], {stdio: ['ignore', 'pipe', 'inherit']});
	while (!existsSync(mark) && child.exitCode === null) {
		await setImmediate();
	}

	t.true(existsSync(mark));
	const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
	t.is(output.replaceAll(/[^x]/gv, '').length, size);
});
