/*
Writes a file of 200 MB that was never there before: `node scripts/bench/changed-file.ts FILE`. One half is noise, the other programs of this machine, so that compressing it is as much work as with a real layer.
*/

import {randomBytes} from 'node:crypto';
import {
	createReadStream,
	createWriteStream,
	readdirSync,
	statSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {pipeline} from 'node:stream/promises';

const half = 100_000_000;
const chunkSize = 1_000_000;
const programs = '/usr/bin';

function * noise() {
	for (let size = 0; size < half; size += chunkSize) {
		yield randomBytes(chunkSize);
	}
}

async function * programBytes() {
	let left = half;
	const files = readdirSync(programs).map(name => path.join(programs, name)).filter(file => statSync(file, {throwIfNoEntry: false})?.isFile());
	for (const file of files) {
		for await (const chunk of createReadStream(file) as AsyncIterable<Uint8Array>) {
			yield chunk.subarray(0, left);
			left -= Math.min(chunk.length, left);
			if (left === 0) {
				return;
			}
		}
	}
}

async function * content() {
	yield * noise();
	yield * programBytes();
}

await pipeline(content, createWriteStream(process.argv[2]!));
