import type {Descriptor} from './descriptor.ts';
import {cloneMount} from './detached-mount.ts';
import {FilesystemContext} from './filesystem-context.ts';
import {lazy} from './lazy.ts';
import {hasFailedWith} from './linux-error.ts';
import {
	fixedOverlayOptions,
	openOverlayLayers,
	overlayFlags,
	type OverlayLayers,
} from './overlay-layers.ts';

/**
How the kernel is told the lower directories: one by one (Linux 6.8 and later), as one string of at most 255 bytes, or by a thread that uses the older mount(2).
*/
export type OverlayMethod = 'append' | 'string' | 'thread';

const maximumValueLength = 255;

/**
An overlay that is attached nowhere: it is in no mountinfo, and ends with its last descriptor, so that nothing is left behind by a SIGKILL. One lower directory alone becomes a read-only bind mount, since Linux refuses such an overlay. Read it through the descriptor's `path`, or let a child process attach it with move_mount(2).

Without `method`, the first that works here is taken.

@throws {LinuxError} with the kernel's own words
@throws {TypeError} without a lower directory, or with only one of upper and work directory
@see https://docs.kernel.org/filesystems/overlayfs.html
*/
export async function createDetachedOverlay(layers: OverlayLayers, method?: OverlayMethod): Promise<Descriptor> {
	const {lowerDirectories, upperDirectory, workDirectory} = layers;
	const [first, ...others] = lowerDirectories;
	if (first === undefined) {
		throw new TypeError('an overlay needs a lower directory');
	}

	if ((upperDirectory === undefined) !== (workDirectory === undefined)) {
		throw new TypeError('an overlay needs both an upper and a work directory, or neither');
	}

	return upperDirectory === undefined && others.length === 0 ? cloneMount(first, {readOnly: true, recursive: false}) : mountOverlay(layers, method);
}

async function mountOverlay(layers: OverlayLayers, method: OverlayMethod | undefined): Promise<Descriptor> {
	using opened = new DisposableStack();
	const {lowerPaths, writableOptions} = openOverlayLayers(layers, opened);
	const lowerString = lowerPaths.join(':');
	const chosen = method ?? chooseMethod(lowerString);
	if (chosen === 'thread') {
		const {mountOverlayInThread} = await import('./overlay-thread.ts');
		return await mountOverlayInThread(layers);
	}

	const context = opened.use(new FilesystemContext('overlay'));
	// What a container reads in /proc/mounts, which is "none" otherwise.
	context.set('source', 'overlay');
	const lowerOptions = chosen === 'append' ? lowerPaths.map(path => ['lowerdir+', path] as const) : [['lowerdir', lowerString] as const];
	for (const [key, value] of [...lowerOptions, ...writableOptions, ...fixedOverlayOptions]) {
		context.set(key, value);
	}

	for (const flag of overlayFlags(layers)) {
		context.setFlag(flag);
	}

	return context.mount(0);
}

function chooseMethod(lowerString: string): OverlayMethod {
	if (canAppendLowerDirectories()) {
		return 'append';
	}

	return lowerString.length <= maximumValueLength ? 'string' : 'thread';
}

// Until 6.4 overlay took any key and looked at all of them only at the end; from 6.5 to 6.7 it knew its keys, but not this one.
const canAppendLowerDirectories = lazy(() => {
	using context = new FilesystemContext('overlay');
	const hasTakenUnknownKey = context.trySet('tsbuild-unknown', '') >= 0;
	return !hasTakenUnknownKey && !hasFailedWith(context.trySet('lowerdir+', '/'), 'EINVAL');
});
