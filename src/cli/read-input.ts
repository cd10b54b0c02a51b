import {abortable} from '../kernel/abortable.ts';
import type {CommandContext} from './command.ts';

/**
What is typed or piped in, until its end or the signal: whoever is on the other side may never write.

@yields what comes, as it comes
@throws the reason of the signal
*/
export async function * readInput({input, signal}: Pick<CommandContext, 'input' | 'signal'>): AsyncGenerator<Uint8Array> {
	const iterator = input()[Symbol.asyncIterator]();
	try {
		for (;;) {
			const next = await abortable(iterator.next(), signal);
			if (next.done === true) {
				return;
			}

			yield next.value;
		}
	} finally {
		// One that waits would not return before it gets what it waits for.
		if (!signal.aborted) {
			await iterator.return?.();
		}
	}
}
