import {parentPort, workerData} from 'node:worker_threads';
import {
	AT_FDCWD,
	CLONE_NEWNS,
	MS_PRIVATE,
	MS_REC,
	OPEN_TREE_CLOEXEC,
	OPEN_TREE_CLONE,
} from './constants.ts';
import {libc} from './libc.ts';
import {check, LinuxError} from './linux-error.ts';
import {cString, type Name} from './name.ts';
import {unshareThread} from './namespace.ts';
import {
	fixedOverlayOptions,
	openOverlayLayers,
	overlayFlags,
	type OverlayLayers,
} from './overlay-layers.ts';
import type {OverlayThreadAnswer} from './overlay-thread.ts';

// The script of a thread, see `mountOverlayInThread`. Its mount namespace ends with it; the descriptor it hands over belongs to the whole process.
parentPort!.postMessage(answer(workerData as OverlayLayers));

function answer(layers: OverlayLayers): OverlayThreadAnswer {
	try {
		return {result: mountInOwnNamespace(layers), syscall: 'open_tree'};
	} catch (error) {
		if (error instanceof LinuxError) {
			return {result: error.errno, syscall: error.syscall};
		}

		throw error;
	}
}

function mountInOwnNamespace(layers: OverlayLayers): number {
	unshareThread(CLONE_NEWNS);
	mount(undefined, '/', {flags: MS_REC | MS_PRIVATE});
	// Any directory would do: only this thread sees what is mounted on it.
	const target = layers.lowerDirectories[0]!;
	mountOverlay(layers, target);
	return check(libc().open_tree(AT_FDCWD, cString(target), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), 'open_tree', {action: 'clone overlay'});
}

// The layers are opened only here, because overlay refuses directories of another mount namespace.
function mountOverlay(layers: OverlayLayers, target: Name): void {
	using opened = new DisposableStack();
	const {lowerPaths, writableOptions} = openOverlayLayers(layers, opened);
	const options = [['lowerdir', lowerPaths.join(':')], ...writableOptions, ...fixedOverlayOptions, ...overlayFlags(layers).map(flag => [flag])];
	mount('overlay', target, {flags: 0, data: options.map(option => option.join('=')).join(',')});
}

function mount(type: string | undefined, target: Name, {flags, data}: {readonly flags: number; readonly data?: string}): void {
	const typeString = type === undefined ? undefined : cString(type);
	const result = libc().mount(typeString, cString(target), typeString, flags, data === undefined ? undefined : cString(data));
	check(result, 'mount', {action: 'mount on', path: target});
}
