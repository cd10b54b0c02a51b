import path from 'node:path';
import {makeBaseImage} from '../../scripts/base-image.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** The base image of the demo in a layout of its own, which is gone after the test. */
export type BaseImage = AsyncDisposable & {
	/** The layout's directory, for `--build-context NAME=oci-layout://DIRECTORY`. */
	readonly directory: string;
	/** `sha256:...` of its manifest. */
	readonly manifestDigest: string;
};

export {hasBusybox, makeBaseImage} from '../../scripts/base-image.ts';

/** Makes the base image below a temporary directory. */
export async function makeTemporaryBaseImage(): Promise<BaseImage> {
	const temporary = await makeTemporaryDirectory();
	const directory = path.join(temporary.path, 'base');
	return {
		directory,
		manifestDigest: await makeBaseImage(directory),
		[Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
	};
}
