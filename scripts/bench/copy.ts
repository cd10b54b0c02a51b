import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {measure, type Contender} from './measure.ts';
import {report} from './report.ts';

/** What copies are measured with. */
export type CopyBenchmark = {
	/** For contexts; it is there. */
	readonly directory: string;
	/** The base image. */
	readonly base: string;
	/** Who builds a context with some flags. */
	readonly contenders: (context: string, flags: string) => readonly Contender[];
};

const makeFiles = path.join(import.meta.dirname, 'make-files.ts');

const fileCount = 10_000;
const smallSize = 4096;
const largeSize = 200_000_000;

/** Times COPY of many small files, at first, again with one of them changed, again with none; and of a large one. */
export async function benchmarkCopies(benchmark: CopyBenchmark): Promise<void> {
	const many = await makeContext('many', benchmark);
	const manyFiles = `${process.execPath} ${makeFiles} ${many}/files ${fileCount} ${smallSize}`;
	await compare(`COPY of ${fileCount} files that were never seen`, benchmark, {context: many, prepare: manyFiles});
	await compare('the same, one file changed', benchmark, {context: many, prepare: `${process.execPath} ${makeFiles} ${many}/files/changing 1 ${smallSize}`});
	await compare('the same, none changed', benchmark, {context: many, prepare: 'true'});
	const one = await makeContext('one', benchmark);
	await compare('COPY of a file of 200 MB that was never seen', benchmark, {context: one, prepare: `${process.execPath} ${makeFiles} ${one}/files 1 ${largeSize}`});
}

async function makeContext(name: string, {directory, base}: CopyBenchmark): Promise<string> {
	const context = path.join(directory, name);
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), `FROM ${base}\nCOPY files /files\n`);
	return context;
}

async function compare(title: string, {contenders}: CopyBenchmark, {context, prepare}: {readonly context: string; readonly prepare: string}): Promise<void> {
	const entries = contenders(context, '-t localhost/bench-copy:1').map(contender => ({...contender, prepare}));
	report(title, await measure(entries, {runs: 10}));
}
