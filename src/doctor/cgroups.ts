import {readMountInformation} from '../linux/mount-information.ts';
import {prepareCgroups} from '../../solver/executor/cgroup-hierarchy.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'cgroups';

// What limits are made of, by the flags that need them.
const limitControllers = {memory: '--memory', cpu: '--cpus', pids: '--pids-limit'} as const;

/** Which limits a step can have: makes the group in which those of containers are made. */
export async function examineCgroups(_patient: Patient): Promise<readonly Finding[]> {
	const hierarchy = await prepareCgroups();
	switch (hierarchy.kind) {
		case 'version1': {
			return [judgeControllers(await isHybrid() ? 'version 1, beside version 2' : 'version 1', new Set(hierarchy.directories.keys()))];
		}

		case 'version2': {
			return [judgeControllers('version 2', hierarchy.controllers)];
		}

		case 'unavailable': {
			return [{
				status: 'warning',
				topic,
				summary: `steps run without limits: ${hierarchy.reason}`,
				advice: [
					'Limits need a group that tsbuild may write to.',
					'A user gets one by: systemd-run --user --scope --property=Delegate=yes tsbuild ...;',
					'a container by --cgroupns=private and a writable /sys/fs/cgroup.',
				].join(' '),
			}];
		}
	}
}

async function isHybrid(): Promise<boolean> {
	const mounts = await readMountInformation();
	return mounts.some(({type}) => type === 'cgroup2');
}

function judgeControllers(version: string, present: ReadonlySet<string>): Finding {
	const names = Object.keys(limitControllers) as ReadonlyArray<keyof typeof limitControllers>;
	const missing = names.filter(name => !present.has(name));
	return missing.length === 0
		? {status: 'ok', topic, summary: `${version}, with ${names.join(', ')}`}
		: {
			status: 'warning',
			topic,
			summary: `${version}, without ${missing.join(', ')}`,
			advice: [
				`${missing.map(name => limitControllers[name]).join(' and ')} cannot be had.`,
				`The group above has to pass the controllers on: write +${missing.join(' +')} to its cgroup.subtree_control, as systemd does with Delegate=yes.`,
			].join(' '),
		};
}
