import {readFile} from 'node:fs/promises';
import {release} from 'node:os';
import process from 'node:process';
import {parseGoBoolean} from '../../src/kernel/go-boolean.ts';
import {hostArchitecture, type Architecture} from '../../src/linux/architecture.ts';
import {readMountInformation} from '../../src/linux/mount-information.ts';
import {readUserNamespace, type UserNamespace} from '../../src/linux/user-namespace.ts';
import {prepareAppArmor} from './app-armor.ts';
import {capabilitiesOfMask, defaultCapabilities, type CapabilityName} from './capabilities.ts';
import {prepareCgroups, type CgroupHierarchy} from './cgroup-hierarchy.ts';
import {prepareChosenCgroups} from './cgroup-parent.ts';
import {cgroupViewOf, type CgroupView} from './cgroup-view.ts';
import {readHostResolver, type HostResolver} from './etc-files.ts';
import {defaultProcessLimit} from './process-limit.ts';
import type {ProcessAttributes} from './process-attributes.ts';
import {parseMaximumOpenFiles} from './resource-limits.ts';
import {assembleSeccompFilter} from './seccomp.ts';
import {defaultSeccompProfile} from './seccomp-profile.ts';

/** What all containers of a process have in common. */
export type ContainerEnvironment = {
	readonly architecture: Architecture;
	/** Those of Docker's default that tsbuild has itself, and so can pass on. */
	readonly capabilities: readonly CapabilityName[];
	/** All that tsbuild has itself, for insecure steps. */
	readonly ownCapabilities: readonly CapabilityName[];
	/** An array of `struct sock_filter`. */
	readonly seccompFilter: Uint8Array;
	/** The hard limit of open files. */
	readonly maximumOpenFiles: bigint;
	/** Where the groups of containers are made; `unavailable` is worth a warning. */
	readonly cgroups: CgroupHierarchy;
	readonly cgroupView: CgroupView;
	/** The processes of a step whose limits do not say how many; `undefined` where they cannot be limited. */
	readonly processLimit: number | undefined;
	readonly resolver: HostResolver;
	/** That of this process, where it is not the first of the machine. */
	readonly userNamespace: UserNamespace | undefined;
	/** Whether steps see the /proc of tsbuild, with all processes in it, because they may not have their own. */
	readonly sharesProc: boolean;
	/** Of sandboxed steps. */
	readonly attributes: ProcessAttributes;
};

/** What the user and the session say about it. */
export type EnvironmentOptions = {
	/** Path of the cgroup that those of containers are made in, from the root of each hierarchy. */
	readonly cgroupParent?: string | undefined;
	/** Where that is noted for whoever ends the containers of a dead session. */
	readonly sessionDirectory?: string | undefined;
};

/**
Finds out about this machine and this process, and makes the parent of the containers' cgroups. Once in a process; it takes a few milliseconds.

@throws {TsbuildError} `ERR_TSBUILD_UNSUPPORTED_HOST`; `ERR_TSBUILD_CGROUP` when no groups can be made in the parent that was asked for
*/
export async function prepareContainerEnvironment({cgroupParent, sessionDirectory}: EnvironmentOptions = {}): Promise<ContainerEnvironment> {
	const architecture = hostArchitecture();
	const ownCapabilities = parsePermittedCapabilities(await readFile('/proc/self/status', 'utf8'));
	const capabilities = defaultCapabilities.filter(name => ownCapabilities.includes(name));
	const cgroups = cgroupParent === undefined ? await prepareCgroups() : await prepareChosenCgroups(cgroupParent, sessionDirectory);
	return {
		architecture,
		capabilities,
		ownCapabilities,
		seccompFilter: assembleSeccompFilter({
			profile: defaultSeccompProfile, architecture, capabilities, kernelVersion: release(),
		}),
		maximumOpenFiles: parseMaximumOpenFiles(await readFile('/proc/self/limits', 'utf8')),
		cgroups,
		cgroupView: cgroupViewOf(await readMountInformation(), cgroups),
		processLimit: await defaultProcessLimit(cgroups),
		resolver: await readHostResolver(),
		userNamespace: readUserNamespace(),
		attributes: {appArmorProfile: await prepareAppArmor(), dropsProtection: Number(await readFile('/proc/self/oom_score_adj', 'utf8')) < 0},
		sharesProc: parseGoBoolean(process.env.TSBUILD_NO_PROCESS_SANDBOX ?? '') ?? false,
	};
}

// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (CapPrm)
function parsePermittedCapabilities(status: string): readonly CapabilityName[] {
	const {mask = '0'} = /^CapPrm:\s+(?<mask>[\da-f]+)$/mv.exec(status)?.groups ?? {};
	return capabilitiesOfMask(BigInt(`0x${mask}`));
}
