import {O_DIRECTORY, O_PATH} from './constants.ts';
import type {Descriptor} from './descriptor.ts';
import type {Name} from './name.ts';
import {openFile} from './open-file.ts';

/**
What an overlay is made of.
*/
export type OverlayLayers = {
	/**
	The uppermost first; at least one.
	*/
	readonly lowerDirectories: readonly Name[];
	/**
	Without one the mount is read-only.
	*/
	readonly upperDirectory?: Name;
	/**
	An empty directory on the file system of the upper directory, and for it alone.
	*/
	readonly workDirectory?: Name;
	/**
	Marks opaque directories by `user.overlay...` attributes, which an unprivileged user namespace may set.
	*/
	readonly userxattr?: boolean;
};

/**
Options that every overlay has. With other values, which some distributions have as defaults, an upper directory alone does not tell what has changed.

@see https://docs.kernel.org/filesystems/overlayfs.html
*/
export const fixedOverlayOptions: ReadonlyArray<readonly [key: string, value: string]> = [
	['redirect_dir', 'nofollow'],
	['metacopy', 'off'],
	['index', 'off'],
	['xino', 'off'],
];

/**
The options of an overlay that have no value.

A writable one is `volatile`: what is written reaches the disk when the whole file system is synced, not at each fsync(2) of a step, nor when the overlay is unmounted. Linux refuses to mount the same work directory again afterwards.

@see https://docs.kernel.org/filesystems/overlayfs.html#volatile-mount
*/
export function overlayFlags({upperDirectory, userxattr = false}: OverlayLayers): readonly string[] {
	return [...(upperDirectory === undefined ? [] : ['volatile']), ...(userxattr ? ['userxattr'] : [])];
}

/**
The layers as paths `/proc/self/fd/N`: they are short, hold none of the characters that overlay gives a meaning (`\`, `:`, `,`), and tell a container nothing about the host. Their descriptors are closed with `opened`.

@throws {LinuxError} `ENOENT`, `ENOTDIR`
*/
export function openOverlayLayers(layers: OverlayLayers, opened: DisposableStack): {
	readonly lowerPaths: readonly string[];
	readonly writableOptions: ReadonlyArray<readonly [key: string, value: string]>;
} {
	const {lowerDirectories, upperDirectory, workDirectory} = layers;
	const open = (directory: Name) => opened.use(openDirectory(directory)).path;
	return {
		lowerPaths: lowerDirectories.map(directory => open(directory)),
		writableOptions: upperDirectory === undefined || workDirectory === undefined
			? []
			: [['upperdir', open(upperDirectory)], ['workdir', open(workDirectory)]],
	};
}

function openDirectory(name: Name): Descriptor {
	return openFile(undefined, name, {flags: O_PATH | O_DIRECTORY});
}
