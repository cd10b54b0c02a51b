import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type {ImageManifest} from '../../src/kernel/oci-types.ts';
import {asNamespaceRoot} from './namespace-root.ts';

type Listing = {
	/** An archive, of which tar knows by itself how it is compressed; standard input when not given. */
	readonly archive?: string;
	readonly input?: Uint8Array;
	readonly flags?: readonly string[];
};

/** The files of a tar as GNU tar lists them, without times: `-rw-r--r-- 0/0 5 etc/motd`. */
export function listTar(archive: string): readonly string[] {
	return list({archive}).map(line => withoutTime(line));
}

/** The files of the only layer of an image in a layout. */
export function listLayout(layout: string): readonly string[] {
	const read = (file: string) => JSON.parse(readFileSync(path.join(layout, file), 'utf8')) as ImageManifest;
	const [{digest}] = (read('index.json') as unknown as {readonly manifests: ImageManifest['layers']}).manifests as [ImageManifest['layers'][number]];
	const {layers} = read(`blobs/${digest.replace(':', '/')}`);
	return listTar(path.join(layout, 'blobs', layers[0]!.digest.replace(':', '/')));
}

/**
How the files of a root file system differ from those of the base image: a line for each that is new or another one, and one with `!` in front for each that is not there any more. An image that is not made from the base has no such lines.
*/
export function listChanges(archive: string, base: readonly string[]): readonly string[] {
	const files = listTar(archive);
	const program = / bin\/busybox(?: link to .*)?$/v;
	const unchanged = new Set(files.some(line => program.test(line)) ? base : []);
	const present = new Set(files);
	return [
		...files.filter(line => !unchanged.has(line)),
		...unchanged.values().filter(line => !present.has(line)).map(line => `!${line}`),
	];
}

/** The entries of each layer but the first one, which is the base image's: a line with two hyphens, then those of a layer. */
export function listLayers(archive: string): readonly string[] {
	const read = (digest: string) => execFileSync('tar', ['-xOf', archive, `blobs/${digest.replace(':', '/')}`], {maxBuffer: 2 ** 28});
	const index = JSON.parse(execFileSync('tar', ['-xOf', archive, 'index.json'], {encoding: 'utf8'})) as {readonly manifests: ImageManifest['layers']};
	const {layers} = JSON.parse(read(index.manifests[0]!.digest).toString()) as ImageManifest;
	return layers.slice(1).flatMap(({digest}) => ['--', ...list({input: read(digest)}).map(line => withoutTime(line))]);
}

/** When the files of a tar were modified, in UTC: `2001-09-09 01:46:40.5 etc/motd`. */
export function listTimes(archive: string): readonly string[] {
	return list({archive, flags: ['--full-time']}).map(line => line.replace(/^\S+ +\S+ +\S+ /v, '').replace(/ (?:->|link to) .*$/v, ''));
}

/** The extended attributes of files of a tar, as getfattr prints them: `etc/motd user.name="value"`. */
export function listAttributes(archive: string, directory: string): readonly string[] {
	const target = mkdtempSync(path.join(directory, 'attributes-'));
	mkdirSync(path.join(target, 'root'));
	// Capabilities are not for ordinary users to give, and look different to them.
	execFileSync(...asNamespaceRoot('tar', ['--xattrs', '--xattrs-include=*', '-xf', archive, '-C', path.join(target, 'root')]));
	const text = execFileSync(...asNamespaceRoot('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', 'root']), {cwd: target, encoding: 'utf8'});
	return text.split('\n\n').flatMap(block => {
		const [file = '', ...attributes] = block.split('\n');
		return attributes.filter(line => line !== '').map(line => `${file.replace('# file: root/', '')} ${line}`);
	}).toSorted();
}

function withoutTime(line: string): string {
	return line.replace(/^(?<mode>\S+) +(?<owner>\S+) +(?<size>\S+) \S+ \S+ /v, '$<mode> $<owner> $<size> ');
}

function list({archive, input, flags = []}: Listing): readonly string[] {
	const text = execFileSync('tar', ['--numeric-owner', '--quoting-style=escape', ...flags, '-tvf', archive ?? '-'], {
		encoding: 'utf8',
		maxBuffer: 2 ** 28,
		env: {PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C'},
		...(input !== undefined && {input}),
	});
	return text.split('\n').filter(line => line !== '');
}
