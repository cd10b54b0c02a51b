/*
Makes a directory anew, with files of noise that were never there before: `node scripts/bench/make-files.ts DIRECTORY COUNT SIZE`, a hundred to a directory.
*/

import {randomFillSync} from 'node:crypto';
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const filesInDirectory = 100;
const [directory, count, size] = process.argv.slice(2);
const content = new Uint8Array(Number(size));
rmSync(directory!, {recursive: true, force: true});
for (let number = 0; number < Number(count); number++) {
	const place = path.join(directory!, String(Math.floor(number / filesInDirectory)));
	mkdirSync(place, {recursive: true});
	writeFileSync(path.join(place, `${number}.js`), randomFillSync(content));
}
