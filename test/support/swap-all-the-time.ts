import {spawn} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';

/**
Starts a process that lets two names change places as fast as it can, as an attacker would; disposing ends it. When one of the names is gone, it goes on trying.
*/
export async function swapAllTheTime(first: string, second: string): Promise<AsyncDisposable> {
	const program = `
		import {renameFile} from ${JSON.stringify(import.meta.resolve('../../src/linux/files.ts'))};
		const [, first, second] = process.argv;
		for (let round = 0; ; round++) {
			try {
				renameFile({name: first}, {name: second}, 'exchange');
			} catch {}
			if (round === 0) console.log('started');
		}
	`;
	const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program, first, second], {stdio: ['ignore', 'pipe', 'inherit']});
	const closed = once(child, 'close');
	await once(child.stdout, 'data');
	return {
		async [Symbol.asyncDispose]() {
			child.kill('SIGKILL');
			await closed;
		},
	};
}
