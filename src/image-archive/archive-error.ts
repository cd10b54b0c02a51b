import {TsbuildError} from '../kernel/errors.ts';

/** The error of an archive that holds no image, or a broken one: `ERR_TSBUILD_IMAGE_ARCHIVE`. */
export function archiveError(reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_IMAGE_ARCHIVE', `failed to load images: ${reason}`, {
		...(cause !== undefined && {cause}),
		hint: 'An archive is what \'docker save\', \'tsbuild save\' or -o type=oci,dest=FILE writes.',
	});
}
