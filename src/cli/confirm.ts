import {addAbortSignal, Readable} from 'node:stream';
import type {CommandContext} from './command.ts';

// Nobody answers at more length.
const maximumAnswer = 1024;

/**
Asks a question on standard output, and reads one line: `y` is the only answer that means yes. No answer at all, such as at the end of the input, means no.

@throws the reason of the signal
@see https://github.com/docker/cli/blob/master/internal/prompt/prompt.go
*/
export async function confirm(question: string, {input, writeOutput, signal}: Pick<CommandContext, 'input' | 'writeOutput' | 'signal'>): Promise<boolean> {
	writeOutput(`${question} [y/N] `);
	const answer = await readLine(input(), signal);
	return answer.trim().toLowerCase() === 'y';
}

async function readLine(input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of addAbortSignal(signal, Readable.from(input))) {
		text += decoder.decode(chunk as Uint8Array, {stream: true});
		if (text.includes('\n') || text.length > maximumAnswer) {
			break;
		}
	}

	signal.throwIfAborted();
	return text.split('\n', 1)[0]!;
}
