import type {Descriptor} from '../../src/linux/descriptor.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {openNamespaceSockets} from '../../src/linux/namespace-sockets.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {createNetworkNamespaceInThread} from '../../src/linux/network-namespace-thread.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {NetworkUnavailable} from './network-unavailable.ts';

/** A network namespace for steps, with nothing in it but `lo`, which is up. */
export type StepNamespace = {
	readonly namespace: Descriptor;
	/** Its interfaces. */
	readonly links: NetworkLinks;
	/** Sockets with its port of DNS on 127.0.0.1. */
	readonly dnsSockets: {readonly tcp: Descriptor; readonly udp: Descriptor};
};

/** https://www.rfc-editor.org/rfc/rfc1035#section-4.2 */
export const dnsPort = 53;

/**
Makes a network namespace.

@param opened gets what must be closed
@throws {NetworkUnavailable}
*/
export async function createStepNamespace(opened: AsyncDisposableStack): Promise<StepNamespace> {
	const {namespace, result} = await create();
	opened.use(namespace);
	const dnsSockets = {tcp: opened.use(result.tcp), udp: opened.use(result.udp)};
	const links = opened.use(new NetworkLinks(result.links));
	links.switchOn(links.find('lo'));
	return {namespace, links, dnsSockets};
}

async function create() {
	try {
		return isInUserNamespace() ? await createNetworkNamespaceInThread(dnsPort) : createNetworkNamespace(() => openNamespaceSockets(dnsPort));
	} catch (error) {
		if (error instanceof LinuxError) {
			throw new NetworkUnavailable(error.message, {cause: error});
		}

		throw error;
	}
}
