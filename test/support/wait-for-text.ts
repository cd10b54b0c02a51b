import type {Readable} from 'node:stream';

/** Reads until the text has come. */
export async function waitForText(stream: Readable, text: string): Promise<void> {
	let seen = '';
	for await (const chunk of stream.setEncoding('utf8').iterator({destroyOnReturn: false})) {
		seen += String(chunk);
		if (seen.includes(text)) {
			stream.resume();
			return;
		}
	}

	throw new Error(`the output ended without ${JSON.stringify(text)}:\n${seen}`);
}
