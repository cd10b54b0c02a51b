import {readFile} from 'node:fs/promises';
import process from 'node:process';
import {
	CLONE_NEWCGROUP,
	CLONE_NEWIPC,
	CLONE_NEWNET,
	CLONE_NEWNS,
	CLONE_NEWPID,
	CLONE_NEWUSER,
	CLONE_NEWUTS,
} from '../linux/constants.ts';
import {readUserNamespace} from '../linux/user-namespace.ts';
import {capabilitiesOfMask, defaultCapabilities} from '../../solver/executor/capabilities.ts';
import type {Finding, Patient} from './finding.ts';
import {playCalls} from './play-calls.ts';

const namespaceKinds = {
	mount: CLONE_NEWNS,
	pid: CLONE_NEWPID,
	network: CLONE_NEWNET,
	ipc: CLONE_NEWIPC,
	uts: CLONE_NEWUTS,
	cgroup: CLONE_NEWCGROUP,
} as const;

const containerAdvice = 'If this is a container, start it with --privileged, or as a user of its own with the options in docs/rootless.md.';

/** Who runs tsbuild, and whether that user gets the namespaces of a step: each kind is made once. */
export async function examineRights(_patient: Patient): Promise<readonly Finding[]> {
	return [await examineUser(), await examineNamespaces()];
}

async function examineUser(): Promise<Finding> {
	const topic = 'user';
	if (process.geteuid!() !== 0) {
		return {status: 'ok', topic, summary: `${process.geteuid!()}: builds are rootless`};
	}

	const where = describeRoot();
	const missing = await missingCapabilities();
	if (missing.length === 0) {
		return {status: 'ok', topic, summary: where};
	}

	const summary = `${where}, without ${missing.join(', ')}`;
	return missing.includes('CAP_SYS_ADMIN')
		? {
			status: 'fault', topic, summary, advice: containerAdvice,
		}
		: {
			status: 'warning', topic, summary, advice: 'Steps do without as well, and those that need it fail.',
		};
}

function describeRoot(): string {
	const namespace = readUserNamespace();
	if (namespace === undefined) {
		return 'root';
	}

	const count = namespace.users.reduce((sum, range) => sum + range.count, 0);
	return `root of a user namespace of ${count} ${count === 1 ? 'id' : 'ids'}`;
}

/** Of those that make a container, and those that steps have by default. */
async function missingCapabilities(): Promise<readonly string[]> {
	// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (CapEff)
	const {mask = '0'} = /^CapEff:\s+(?<mask>[\da-f]+)$/mv.exec(await readFile('/proc/self/status', 'utf8'))?.groups ?? {};
	const own = new Set<string>(capabilitiesOfMask(BigInt(`0x${mask}`)));
	return ['CAP_SYS_ADMIN', ...defaultCapabilities].filter(name => !own.has(name));
}

async function examineNamespaces(): Promise<Finding> {
	const isRoot = process.geteuid!() === 0;
	const kinds = Object.entries({...(!isRoot && {user: 0}), ...namespaceKinds});
	const failures: string[] = [];
	for (const [kind, flag] of kinds) {
		const failure = await playCalls([{call: 'unshare', args: [isRoot ? flag : flag | CLONE_NEWUSER], describe: `make a ${kind} namespace`}]);
		if (failure !== undefined) {
			failures.push(`${kind} (${failure})`);
		}
	}

	const topic = 'namespaces';
	return failures.length === 0
		? {status: 'ok', topic, summary: kinds.map(([kind]) => kind).join(', ')}
		: {
			status: 'fault', topic, summary: `refused: ${failures.join(', ')}`, advice: await namespaceAdvice(isRoot),
		};
}

// What can forbid user namespaces, and the value with which it does.
const switches = [
	{
		name: 'user.max_user_namespaces', forbidding: '0', allowing: '10000', who: 'the administrator',
	},
	// https://salsa.debian.org/kernel-team/linux/-/blob/debian/latest/debian/patches/debian/add-sysctl-to-disallow-unprivileged-CLONE_NEWUSER-by-default.patch
	{
		name: 'kernel.unprivileged_userns_clone', forbidding: '0', allowing: '1', who: 'Debian\'s kernel',
	},
	// https://discourse.ubuntu.com/t/spec-unprivileged-user-namespace-restrictions-via-apparmor-in-ubuntu-23-10/37626
	{
		name: 'kernel.apparmor_restrict_unprivileged_userns', forbidding: '1', allowing: '0', who: 'AppArmor',
	},
] as const;

async function namespaceAdvice(isRoot: boolean): Promise<string> {
	if (isRoot) {
		return `ENOSPC means that a limit is reached (see "sysctl user"), EPERM that a right is missing. ${containerAdvice}`;
	}

	for (const {name, forbidding, allowing, who} of switches) {
		if (await readSwitch(name) === forbidding) {
			return `User namespaces are forbidden by ${who}: "sudo sysctl -w ${name}=${allowing}" allows them.`;
		}
	}

	return `User namespaces are forbidden, perhaps by a seccomp profile. ${containerAdvice}`;
}

async function readSwitch(name: string): Promise<string | undefined> {
	try {
		const value = await readFile(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8');
		return value.trim();
	} catch {
		return undefined;
	}
}
