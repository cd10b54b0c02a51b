import {readFileSync, statSync} from 'node:fs';
import {stat, writeFile} from 'node:fs/promises';
import path from 'node:path';

// Beside a snapshot's tree. The number of its inode stands in it: a copy of the whole store gives each file a new one, and a new time.
const name = 'copied';

/** Notes in the directory of a snapshot that its tree has just been copied. */
export async function writeCopyMark(directory: string): Promise<void> {
	const mark = path.join(directory, name);
	await writeFile(mark, '');
	const {ino, ctimeNs} = await stat(mark, {bigint: true});
	await writeFile(mark, `${ino} ${ctimeNs}\n`);
}

/**
When the tree of a snapshot was copied, by the clock of its file system in nanoseconds: the status of a file that was not touched since then changed before (`st_ctim`, which the kernel alone sets).

@returns `undefined` when the snapshot is no copy, or when its files were copied once more since then, with the store
@see https://man7.org/linux/man-pages/man7/inode.7.html
*/
export function readCopyMark(directory: string): bigint | undefined {
	const mark = path.join(directory, name);
	const status = statSync(mark, {bigint: true, throwIfNoEntry: false});
	const [ino, time] = status === undefined ? [] : readFileSync(mark, 'utf8').split(/\s/v, 2);
	return time === undefined || ino !== String(status?.ino) ? undefined : BigInt(time);
}
