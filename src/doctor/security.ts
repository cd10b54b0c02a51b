import {Buffer} from 'node:buffer';
import {readFile} from 'node:fs/promises';
import type {Finding, Patient} from './finding.ts';
import {playCalls} from './play-calls.ts';

// https://man7.org/linux/man-pages/man2/seccomp.2.html
const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_RET_ERRNO = 0x00_05_00_00;

const actionSize = 4;

/** What guards the machine against a step besides namespaces: seccomp filters, which steps cannot do without, and security modules. */
export async function examineSecurity(_patient: Patient): Promise<readonly Finding[]> {
	const action = Buffer.alloc(actionSize);
	action.writeUInt32LE(SECCOMP_RET_ERRNO);
	const failure = await playCalls([{call: 'seccomp', args: [SECCOMP_GET_ACTION_AVAIL, 0, action], describe: 'ask for filters'}]);
	const modules = await describeModules();
	return [failure === undefined
		? {status: 'ok', topic: 'security', summary: `seccomp filters; ${modules}`}
		: {
			status: 'fault',
			topic: 'security',
			summary: `no seccomp filters (${failure}); ${modules}`,
			advice: 'The kernel has to be built with CONFIG_SECCOMP_FILTER; that of a sandbox such as gVisor may lack it.',
		}];
}

async function describeModules(): Promise<string> {
	const hasAppArmor = await readSwitch('/sys/module/apparmor/parameters/enabled') === 'Y';
	const selinux = await readSwitch('/sys/fs/selinux/enforce');
	return `AppArmor ${hasAppArmor ? 'on' : 'off'}, SELinux ${selinux === undefined ? 'off' : (selinux === '1' ? 'enforcing' : 'permissive')}`;
}

async function readSwitch(file: string): Promise<string | undefined> {
	try {
		const text = await readFile(file, 'utf8');
		return text.trim();
	} catch {
		return undefined;
	}
}
