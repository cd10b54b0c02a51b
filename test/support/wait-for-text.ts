import type {Readable} from 'node:stream';

/** Reads until the text has come, and returns what came until then. */
export async function waitForText(stream: Readable, text: string): Promise<string> {
	let seen = '';
	for await (const chunk of stream.setEncoding('utf8').iterator({destroyOnReturn: false})) {
		seen += String(chunk);
		if (seen.includes(text)) {
			stream.resume();
			return seen;
		}
	}

	throw new Error(`the output ended without ${JSON.stringify(text)}:\n${seen}`);
}
