import {readFile} from 'node:fs/promises';
import process from 'node:process';
import {
	CLONE_NEWCGROUP,
	CLONE_NEWIPC,
	CLONE_NEWNET,
	CLONE_NEWNS,
	CLONE_NEWPID,
	CLONE_NEWUTS,
} from '../linux/constants.ts';
import {readUserNamespace, type UserNamespace} from '../linux/user-namespace.ts';
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

/** Who runs tsbuild, and whether that user gets the namespaces of a step: each kind is made once. */
export async function examineRights({refusal}: Patient): Promise<readonly Finding[]> {
	return [
		await examineUser(),
		refusal === undefined
			? await examineNamespaces()
			: {
				status: 'fault', topic: 'namespaces', summary: refusal.message, advice: refusal.hint ?? 'docs/rootless.md tells what ordinary users need.',
			},
	];
}

async function examineUser(): Promise<Finding> {
	const topic = 'user';
	const user = describeUser(readUserNamespace());
	const missing = await missingCapabilities();
	return missing.length === 0 || process.geteuid!() !== 0
		? {status: 'ok', topic, summary: user}
		: {
			status: 'warning', topic, summary: `${user}, without ${missing.join(', ')}`, advice: 'Steps do without as well, and programs in them that need it fail.',
		};
}

function describeUser(namespace: UserNamespace | undefined): string {
	const user = process.geteuid!();
	if (namespace === undefined) {
		return user === 0 ? 'root' : String(user);
	}

	const outside = namespace.users.find(({inside}) => inside === user)?.outside;
	return `root of a user namespace, rootless; outside of it ${outside ?? 'nobody'}`;
}

/** Of those that steps have by default. */
async function missingCapabilities(): Promise<readonly string[]> {
	// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (CapEff)
	const {mask = '0'} = /^CapEff:\s+(?<mask>[\da-f]+)$/mv.exec(await readFile('/proc/self/status', 'utf8'))?.groups ?? {};
	const own = new Set<string>(capabilitiesOfMask(BigInt(`0x${mask}`)));
	return defaultCapabilities.filter(name => !own.has(name));
}

async function examineNamespaces(): Promise<Finding> {
	const failures: string[] = [];
	for (const [kind, flag] of Object.entries(namespaceKinds)) {
		const failure = await playCalls([{call: 'unshare', args: [flag], describe: `make a ${kind} namespace`}]);
		if (failure !== undefined) {
			failures.push(`${kind} (${failure})`);
		}
	}

	const topic = 'namespaces';
	return failures.length === 0
		? {status: 'ok', topic, summary: Object.keys(namespaceKinds).join(', ')}
		: {
			status: 'fault',
			topic,
			summary: `refused: ${failures.join(', ')}`,
			advice: 'ENOSPC means that a limit is reached, which "sysctl user" shows; EPERM that a right is missing: if this is a container, start it with fewer restrictions.',
		};
}
