import {TsbuildError} from '../src/kernel/errors.ts';

/*
What a compressed layer or archive may become at most. Zeros shrink to a thousandth in gzip and to far less in bzip2, xz and zstd, so a few megabytes from a stranger could fill any disk.

An honest archive may hold a large file of zeros too, so the bound is generous: 16 GiB whatever the size, and 256 times the size beyond that. Whole systems shrink to a third.
*/
const allowance = 16 * (2 ** 30);
const factor = 256;

/** Bytes that may come out of so many compressed bytes. */
export function maximumUnpackedSize(compressedSize: number): number {
	return allowance + (factor * compressedSize);
}

/** The error of what unpacks to more than it may: `ERR_TSBUILD_UNPACKED_SIZE`. */
export function unpackedSizeError(maximumSize: number): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_UNPACKED_SIZE', `more than ${maximumSize} bytes come out of it`, {
		hint: 'So much out of so little is made to fill the disk.',
	});
}
