import {readFileSync} from 'node:fs';

// The one line of the first user namespace: all ids stand for themselves.
const wholeRange = /^\s*0\s+0\s+4294967295\s*$/v;

/**
Whether this process is in a user namespace of its own, where root may not do all that root may: above all make no device files.

@see https://man7.org/linux/man-pages/man7/user_namespaces.7.html (user and group ID mappings)
*/
export function isInUserNamespace(): boolean {
	return !wholeRange.test(readFileSync('/proc/self/uid_map', 'latin1'));
}
