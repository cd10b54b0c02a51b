import type {CommandContext} from './command.ts';
import {readInput} from './read-input.ts';

// Nobody answers at more length.
const maximumAnswer = 1024;

/**
Asks a question on standard output, and reads one line: `y` is the only answer that means yes. No answer at all, such as at the end of the input, means no.

@throws the reason of the signal
@see https://github.com/docker/cli/blob/master/internal/prompt/prompt.go
*/
export async function confirm(question: string, {writeOutput, ...context}: Pick<CommandContext, 'input' | 'writeOutput' | 'signal'>): Promise<boolean> {
	writeOutput(`${question} [y/N] `);
	const answer = await readLine(context);
	return answer.trim().toLowerCase() === 'y';
}

async function readLine(context: Pick<CommandContext, 'input' | 'signal'>): Promise<string> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of readInput(context)) {
		text += decoder.decode(chunk, {stream: true});
		if (text.includes('\n') || text.length > maximumAnswer) {
			break;
		}
	}

	return text.split('\n', 1)[0]!;
}
