import process from 'node:process';

/**
A command and its parameters with which it runs as root over owners and modes: as it is for root, and for an ordinary user in a user namespace, where the user's subordinate IDs are 1 and what follows, as they are in the builds of this user.
*/
export function asNamespaceRoot(command: string, parameters: readonly string[]): readonly [command: string, parameters: readonly string[]] {
	return process.getuid!() === 0 ? [command, parameters] : ['unshare', ['--user', '--map-root-user', '--map-auto', '--', command, ...parameters]];
}
