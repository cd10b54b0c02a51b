import process from 'node:process';
import {hasCapability} from './capability.ts';

/**
Whether this process has to enter a user namespace before it opens a store: everybody but a root who may mount, because the files of images belong to many users, and containers are made of mounts.
*/
export function needsUserNamespace(): boolean {
	return process.geteuid!() !== 0 || !hasCapability('CAP_SYS_ADMIN');
}
