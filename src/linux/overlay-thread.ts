import {once} from 'node:events';
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import {Descriptor} from './descriptor.ts';
import {check} from './linux-error.ts';
import type {OverlayLayers} from './overlay-layers.ts';

/**
What the thread of `overlay-mount-worker.ts` answers: the number of the descriptor, or a negated errno, and the last call it made.
*/
export type OverlayThreadAnswer = {
	readonly result: number;
	readonly syscall: string;
};

/**
Makes a detached overlay of many layers on a kernel whose mount calls take only short strings: a thread with a mount namespace of its own attaches it there with mount(2), clones the mount into a descriptor, and ends.

@throws {LinuxError}
*/
export async function mountOverlayInThread(layers: OverlayLayers): Promise<Descriptor> {
	// The same kind of file as this one: the source, or its compiled form.
	const script = new URL(`overlay-mount-worker${extname(import.meta.url)}`, import.meta.url);
	// Node would otherwise take the descriptors that come from system calls for forgotten ones.
	const worker = new Worker(script, {workerData: layers, trackUnmanagedFds: false});
	// Only when the thread has ended is its mount namespace gone.
	const [[{result, syscall}]] = await Promise.all([once(worker, 'message') as Promise<[OverlayThreadAnswer]>, once(worker, 'exit')]);
	return new Descriptor(check(result, syscall, {action: `mount overlay of ${layers.lowerDirectories.length} lower directories`}));
}
