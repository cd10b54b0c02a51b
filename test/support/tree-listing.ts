import {createHash} from 'node:crypto';
import {
	lstatSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	type BigIntStats,
} from 'node:fs';
import {Buffer} from 'node:buffer';
import {getExtendedAttribute, listExtendedAttributes} from '../../src/linux/extended-attributes.ts';

/** What is compared of one file. */
export type ListedFile = {
	readonly type: number;
	readonly mode: string;
	readonly owner: string;
	readonly device: bigint;
	/** In whole seconds; of directories only where it is asked for. */
	readonly mtime: bigint | undefined;
	readonly xattrs: Readonly<Record<string, string>>;
	/** Digest of a file's content, or target of a link. */
	readonly content: string;
	/** The first name of a file that has several. */
	readonly sameAs: string;
};

/** What is told. */
export type ListOptions = {
	readonly withDirectoryTimes?: boolean;
	readonly withHardlinks?: boolean;
};

/** Describes every file of a tree by its path, one byte as one UTF-16 unit. Sockets and those attributes that no layer holds are left out. */
export function listTree(root: string, {withDirectoryTimes = true, withHardlinks = true}: ListOptions = {}): Readonly<Record<string, ListedFile>> {
	const listed: Record<string, ListedFile> = {};
	const firstNames = new Map<string, string>();
	for (const name of namesBelow(root, '')) {
		const file = Buffer.from(`${root}/${name}`, 'latin1');
		const status = lstatSync(file, {bigint: true});
		if (status.isSocket()) {
			continue;
		}

		const inode = `${status.dev}:${status.ino}`;
		if (!firstNames.has(inode)) {
			firstNames.set(inode, name);
		}

		listed[name] = {
			type: Number(status.mode >> 12n),
			mode: (status.mode & 0o7777n).toString(8),
			owner: `${status.uid}:${status.gid}`,
			device: status.rdev,
			mtime: withDirectoryTimes || !status.isDirectory() ? secondsOf(status) : undefined,
			xattrs: xattrsOf(file),
			content: contentOf(file, status),
			sameAs: withHardlinks && !status.isDirectory() ? firstNames.get(inode)! : '',
		};
	}

	return listed;
}

// Rounded down, also before 1970.
function secondsOf({mtimeNs}: BigIntStats): bigint {
	const second = 1_000_000_000n;
	return (mtimeNs - (((mtimeNs % second) + second) % second)) / second;
}

function xattrsOf(file: Buffer): Readonly<Record<string, string>> {
	const names = listExtendedAttributes(file).filter(name => !name.includes('.overlay.'));
	return Object.fromEntries(names.map(name => [name, getExtendedAttribute(file, name)!.toString('hex')]));
}

function namesBelow(root: string, directory: string): string[] {
	const entries = readdirSync(Buffer.from(`${root}/${directory}`, 'latin1'), {withFileTypes: true, encoding: 'buffer'});
	const names = entries.map(entry => ({name: `${directory}${entry.name.toString('latin1')}`, isDirectory: entry.isDirectory()}));
	const sorted = names.toSorted((left, right) => Buffer.compare(Buffer.from(left.name), Buffer.from(right.name)));
	return sorted.flatMap(({name, isDirectory}) => isDirectory ? [name, ...namesBelow(root, `${name}/`)] : [name]);
}

function contentOf(file: Buffer, status: BigIntStats): string {
	if (status.isSymbolicLink()) {
		return readlinkSync(file, 'latin1');
	}

	return status.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
}
