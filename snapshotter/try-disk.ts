import {Buffer} from 'node:buffer';
import {writeSync} from 'node:fs';
import {errorCode} from '../src/kernel/errors.ts';
import {O_TMPFILE, O_WRONLY} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';

/**
Finds out why a directory cannot be written to, by a file without a name. The free blocks of the disk would not tell: a quota may leave none of them.

@param directory where the file would be
@param size bytes that there should be room for
@returns a system error of Node, or `undefined` when there is room, and also when the file system knows no such files
@see https://man7.org/linux/man-pages/man2/open.2.html (O_TMPFILE)
*/
export function tryDisk(directory: string, size: number): Error | undefined {
	try {
		using file = Descriptor.open(directory, O_TMPFILE | O_WRONLY);
		writeSync(file.number, Buffer.alloc(size));
		return undefined;
	} catch (error) {
		return error instanceof Error && errorCode(error) !== 'EOPNOTSUPP' ? error : undefined;
	}
}
