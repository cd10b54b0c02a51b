import {once} from 'node:events';
import process from 'node:process';
import {createInterface} from 'node:readline';
import {PassThrough, type Readable} from 'node:stream';
import type {CommandContext} from './command.ts';
import {RequestError} from './usage-error.ts';

export type Question = {
	readonly text: string;
	/** Is the answer nobody else's to see? */
	readonly isSecret?: boolean;
};

/**
Asks the user, who sits at a terminal.

@returns one line; an empty one when there is none
@throws {RequestError} when nobody sits there; the reason of the signal
*/
export async function ask({text, isSecret = false}: Question, {input, writeOutput, signal}: Pick<CommandContext, 'input' | 'signal' | 'writeOutput'>): Promise<string> {
	const terminal = input();
	if (!isTerminal(terminal)) {
		throw new RequestError('Cannot perform an interactive login from a non TTY device', {hint: 'Give --username and --password-stdin.'});
	}

	const lines = createInterface({
		input: terminal,
		// What is typed is shown by the terminal itself. Only readline can keep it from doing so, and then shows it here.
		...(isSecret && {output: new PassThrough().resume(), terminal: true}),
	});
	// Without echo the terminal sends no signal either.
	lines.once('SIGINT', () => {
		process.kill(process.pid, 'SIGINT');
	});
	try {
		// Whoever sees this may type at once.
		writeOutput(text);
		const [answer = ''] = await Promise.race([once(lines, 'line', {signal}), once(lines, 'close', {signal})]) as [string?];
		return answer;
	} catch (error) {
		signal.throwIfAborted();
		throw error;
	} finally {
		lines.close();
		if (isSecret) {
			writeOutput('\n');
		}
	}
}

function isTerminal(input: AsyncIterable<Uint8Array>): input is Readable & AsyncIterable<Uint8Array> {
	return 'isTTY' in input && input.isTTY === true;
}
