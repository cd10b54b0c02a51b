import {randomBytes} from 'node:crypto';
import {NetworkLinks, type NetworkLink} from '../../src/linux/network-links.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {PacketFilter} from '../../src/linux/packet-filter.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {
	chooseAddresses,
	chooseAddressesIpv6,
	formatAddress,
	type LinkAddresses,
} from './address-pool.ts';
import {createStepNamespace} from './create-step-namespace.ts';
import {acceptForwarding} from './forwarding.ts';
import {readHostRouting, type HostRouting} from './host-routes.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {filterChains} from './step-filter.ts';

// With the eight digits behind it, as long as the kernel allows nearly: 15 bytes.
const namePrefix = 'tsb';

// What Ethernet has, for a machine without a way to the rest of the world.
const usualMtu = 1500;

const stepInterface = 'eth0';

/**
Makes a network namespace that is joined to the machine's network by a pair of interfaces. The kernel passes packets on, under the machine's own address.

All of it is the kernel's, and goes with the descriptors of this process: namespace and interfaces with the first, the rules with the socket that made them.

@throws {NetworkUnavailable}
@throws the reason of `signal`
*/
export async function openVethNetwork(signal: AbortSignal): Promise<OpenNetwork> {
	const routing = await readHostRouting();
	if (!routing.isForwarding) {
		throw new NetworkUnavailable('net.ipv4.ip_forward is 0');
	}

	try {
		return await openWith(routing, signal);
	} catch (error) {
		if (error instanceof LinuxError) {
			throw new NetworkUnavailable(isInUserNamespace() ? 'only root can add interfaces to the network of the machine' : error.message, {cause: error});
		}

		throw error;
	}
}

async function openWith(routing: HostRouting, signal: AbortSignal): Promise<OpenNetwork> {
	await using opened = new AsyncDisposableStack();
	using hostLinks = new NetworkLinks();
	const name = `${namePrefix}${randomBytes(4).toString('hex')}`;
	const {namespace, links: stepLinks, dnsSockets} = await createStepNamespace(opened);
	hostLinks.createPair({
		name, peer: stepInterface, namespace, mtu: routing.uplink === undefined ? usualMtu : hostLinks.find(routing.uplink).mtu,
	});
	const hostLink = hostLinks.find(name);
	const addresses = chooseAddresses(hostLink.index, routing.routes);
	const all = routing.isForwardingIpv6 ? [addresses, chooseAddressesIpv6(hostLink.index)] : [addresses];
	// Before a packet can come.
	const rules = filterChains(hostLink, all.map(({step}) => step));
	opened.use(PacketFilter.create(`tsbuild-${name}`, rules));
	opened.use(await acceptForwarding(name, {families: routing.isForwardingIpv6 ? ['ipv4', 'ipv6'] : ['ipv4'], signal}));
	configureHost(hostLinks, hostLink, all);
	configureStep(stepLinks, all);
	const closed = opened.move();
	return {
		namespace, dnsSockets, hostAddress: formatAddress(addresses.host), [Symbol.asyncDispose]: async () => closed.disposeAsync(),
	};
}

function configureHost(links: NetworkLinks, link: NetworkLink, all: readonly LinkAddresses[]): void {
	for (const {host: bytes, prefixLength} of all) {
		links.addAddress(link, {bytes, prefixLength});
	}

	links.switchOn(link);
}

function configureStep(links: NetworkLinks, all: readonly LinkAddresses[]): void {
	const link = links.find(stepInterface);
	links.switchOn(link);
	for (const {host, step: bytes, prefixLength} of all) {
		links.addAddress(link, {bytes, prefixLength});
		links.addDefaultRoute(link, host);
	}
}
