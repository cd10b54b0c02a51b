import type {CapabilityName} from './capabilities.ts';
import profile from './seccomp-default.json' with {type: 'json'};

/** A condition on one argument of a system call, compared as an unsigned number of 64 bits. */
export type ArgumentCondition = {
	/** 0 to 5. */
	readonly index: number;
	/** What the argument is compared with; the mask of `SCMP_CMP_MASKED_EQ`. */
	readonly value: number;
	/** What the masked argument must be; 0 when not given. */
	readonly valueTwo?: number;
	/** `SCMP_CMP_EQ`, `NE`, `LT`, `LE`, `GE`, `GT` or `MASKED_EQ`. */
	readonly op: string;
};

/** When a rule is in force. The architectures have Go's names. */
export type RuleFilter = {
	readonly caps?: readonly string[];
	readonly arches?: readonly string[];
	/** For example `4.8`. */
	readonly minKernel?: string;
};

/** What happens to the named system calls when all conditions on their arguments hold. */
export type SeccompRule = {
	readonly names: readonly string[];
	/** `SCMP_ACT_ALLOW` or `SCMP_ACT_ERRNO`. */
	readonly action: string;
	/** The error number of `SCMP_ACT_ERRNO`; that of the profile when not given. */
	readonly errnoRet?: number;
	readonly args?: readonly ArgumentCondition[];
	/** The rule is in force only when all of it holds. */
	readonly includes?: RuleFilter;
	/** The rule is not in force when any of it holds. */
	readonly excludes?: RuleFilter;
};

/**
A seccomp profile in the format of moby's `profiles/seccomp/default.json`, without its map of architectures: which ones a filter is for is decided by `assembleSeccompFilter`.
*/
export type SeccompProfile = {
	readonly defaultAction: string;
	readonly defaultErrnoRet: number;
	readonly syscalls: readonly SeccompRule[];
};

/** What decides which rules of a profile are in force. */
export type ProfileConditions = {
	readonly architecture: 'x86_64' | 'arm64';
	/** The bounding set of the process. */
	readonly capabilities: readonly CapabilityName[];
	/** The release of the running kernel, as `uname -r` prints it. */
	readonly kernelVersion: string;
};

/**
The profile of a RUN step: equal in effect to Docker's default on x86_64 and arm64.

Source: github.com/moby/profiles, `seccomp/default.json`, which BuildKit uses; rules for other architectures are left out.
*/
export const defaultSeccompProfile: SeccompProfile = profile;

/**
The rules of a profile that are in force, in their order. As in moby, a rule for a 64 bit architecture also covers the 32 bit calls of the same kernel.

@throws {TypeError} when a kernel version has no major and minor number
*/
export function selectRules({syscalls}: SeccompProfile, conditions: ProfileConditions): SeccompRule[] {
	return syscalls.filter(({includes, excludes}) => includesHold(includes ?? {}, conditions) && !excludesHold(excludes ?? {}, conditions));
}

function includesHold({caps = [], arches, minKernel}: RuleFilter, conditions: ProfileConditions): boolean {
	return caps.every(name => hasCapability(conditions, name))
		&& (arches === undefined || arches.includes(goArchitecture(conditions)))
		&& (minKernel === undefined || isAtLeast(conditions.kernelVersion, minKernel));
}

function excludesHold({caps = [], arches = [], minKernel}: RuleFilter, conditions: ProfileConditions): boolean {
	return caps.some(name => hasCapability(conditions, name))
		|| arches.includes(goArchitecture(conditions))
		|| (minKernel !== undefined && isAtLeast(conditions.kernelVersion, minKernel));
}

function hasCapability({capabilities}: ProfileConditions, name: string): boolean {
	const names: readonly string[] = capabilities;
	return names.includes(name);
}

function goArchitecture({architecture}: ProfileConditions): string {
	return architecture === 'x86_64' ? 'amd64' : architecture;
}

function isAtLeast(version: string, minimum: string): boolean {
	const [major, minor] = parseKernelVersion(version);
	const [minimumMajor, minimumMinor] = parseKernelVersion(minimum);
	return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}

function parseKernelVersion(version: string): readonly [major: number, minor: number] {
	const {major, minor} = /^(?<major>\d+)\.(?<minor>\d+)/v.exec(version)?.groups ?? {};
	if (major === undefined || minor === undefined) {
		throw new TypeError(`${JSON.stringify(version)} is no kernel version`);
	}

	return [Number(major), Number(minor)];
}
