import {readFile} from 'node:fs/promises';
import type {CgroupHierarchy} from './cgroup-hierarchy.ts';

// What systemd gives to a service. https://www.freedesktop.org/software/systemd/man/latest/systemd-system.conf.html#DefaultTasksMax=
const share = 0.15;

// https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html
const limitsOfMachine = ['/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max'];

/**
How many processes and threads a step may have when the user does not say: a part of those that the machine can have, so that a fork bomb leaves room for all others.

@returns `undefined` where nothing can limit them
*/
export async function defaultProcessLimit(hierarchy: CgroupHierarchy): Promise<number | undefined> {
	if (!hasProcessLimits(hierarchy)) {
		return undefined;
	}

	const limits = await Promise.all(limitsOfMachine.map(async file => Number(await readFile(file, 'utf8'))));
	return Math.floor(Math.min(...limits) * share);
}

function hasProcessLimits(hierarchy: CgroupHierarchy): boolean {
	switch (hierarchy.kind) {
		case 'version1': {
			return hierarchy.directories.has('pids');
		}

		case 'version2': {
			return hierarchy.controllers.has('pids');
		}

		case 'unavailable': {
			return false;
		}
	}
}
