import {readFileSync} from 'node:fs';
import {TsbuildError} from '../kernel/errors.ts';

/** What a machine forbids user namespaces with: the value of a file that does so, and what to do about it. */
const prohibitions = [
	{
		file: '/proc/sys/user/max_user_namespaces', value: '0', hint: 'User namespaces are turned off here: as root, sysctl -w user.max_user_namespaces=15000.',
	},
	{
		file: '/proc/sys/kernel/unprivileged_userns_clone', value: '0', hint: 'User namespaces are for root alone here: as root, sysctl -w kernel.unprivileged_userns_clone=1.',
	},
	{
		file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
		value: '1',
		hint: 'AppArmor keeps user namespaces from programs without a profile here: as root, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; docs/rootless.md has another way.',
	},
] as const;

const containerHint = 'Inside a container, it has to be started with --security-opt seccomp=unconfined --security-opt apparmor=unconfined; docs/rootless.md has more.';

/**
The error of namespaces that cannot be made, with what this machine has against them.

@param complaint what the program that makes them said
@param options what to do, if it is known
@param options.hint instead of what can be found out
*/
export function namespaceError(complaint: string, {hint}: {readonly hint?: string} = {}): TsbuildError {
	const prohibition = prohibitions.find(({file, value}) => readIfPresent(file) === value);
	return new TsbuildError('ERR_TSBUILD_USER_NAMESPACE', `failed to run without root in a user namespace: ${complaint.replaceAll('\n', '; ')}`, {
		hint: hint ?? prohibition?.hint ?? containerHint,
	});
}

function readIfPresent(file: string): string | undefined {
	try {
		return readFileSync(file, 'latin1').trim();
	} catch {
		return undefined;
	}
}
