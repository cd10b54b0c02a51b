import type {Descriptor} from '../../src/linux/descriptor.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {NetworkUnavailable} from './network-unavailable.ts';

/**
A network namespace for a program that makes an interface in it; `lo` is up.

@throws {NetworkUnavailable}
*/
export function createStepNamespace(): Descriptor {
	try {
		const {namespace, result: links} = createNetworkNamespace(() => new NetworkLinks());
		using _ = links;
		links.switchOn(links.find('lo'));
		return namespace;
	} catch (error) {
		if (error instanceof LinuxError) {
			throw new NetworkUnavailable(error.message, {cause: error});
		}

		throw error;
	}
}
