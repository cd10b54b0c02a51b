import {errorCode} from './errors.ts';

const sentences: ReadonlyMap<string | undefined, string> = new Map([
	['ENOSPC', 'The disk is full.'],
	['EDQUOT', 'The disk quota is used up.'],
	['EIO', 'The disk has failed: see the log of the kernel.'],
	['EUCLEAN', 'The file system is damaged: see the log of the kernel.'],
	['EROFS', 'The file system is read-only.'],
]);

/**
One sentence for the user when an error of the system says that a disk cannot be written or read, or `undefined`.

@see https://man7.org/linux/man-pages/man3/errno.3.html
*/
export function explainDiskFailure(error: unknown): string | undefined {
	return sentences.get(errorCode(error));
}
