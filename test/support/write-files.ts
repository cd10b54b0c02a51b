import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';

/** Makes files by their paths; a name that ends with a slash is a directory. */
export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(directory, name);
		mkdirSync(name.endsWith('/') ? file : path.dirname(file), {recursive: true, mode: 0o755});
		if (!name.endsWith('/')) {
			writeFileSync(file, content, {mode: 0o644});
		}
	}
}
