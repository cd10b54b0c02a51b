import {descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check} from './linux-error.ts';

/**
Moves the calling thread into the namespace that a descriptor is open on (`/proc/<pid>/ns/<kind>`). The kind is a `CLONE_NEW...` constant.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/setns.2.html
*/
export function setNamespace(namespace: BorrowedDescriptor, kind: number): void {
	check(libc().setns(descriptorNumber(namespace), kind), 'setns', {action: 'enter namespace'});
}

/**
Gives the calling thread new namespaces of its own; for CLONE_NEWPID only its next children are in it. The flags are `CLONE_NEW...` constants.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/unshare.2.html
*/
export function unshareThread(flags: number): void {
	check(libc().unshare(flags), 'unshare', {action: 'make new namespaces'});
}
