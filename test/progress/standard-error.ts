import {spawn} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';

const module = import.meta.resolve('../../src/progress/standard-error.ts');
const size = 20 * (2 ** 20);

// `process.stderr` makes the pipe non-blocking, as in the command line.
const program = `
import process from 'node:process';
import {writeStandardError} from ${JSON.stringify(module)};
process.stderr.isTTY;
for (let index = 0; index < 20; index++) {
	writeStandardError('ä'.repeat(${size / 40}));
}
process.stdout.write('written');
`;

test('all is written to a pipe that is slower than the writer', async t => {
	const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {stdio: ['ignore', 'pipe', 'pipe']});
	let received = 0;
	child.stderr.on('data', (data: Uint8Array) => {
		received += data.length;
	});
	const [output] = await Promise.all([text(child.stdout), once(child.stderr, 'close')]);
	t.is(output, 'written');
	t.is(received, size);
});

test('nothing happens when nobody reads any more', async t => {
	const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {stdio: ['ignore', 'pipe', 'pipe']});
	child.stderr.once('data', () => {
		child.stderr.destroy();
	});
	t.is(await text(child.stdout), 'written');
});
