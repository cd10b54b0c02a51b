import {Buffer} from 'node:buffer';
import {NetworkLinks} from '../../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../../src/linux/network-namespace.ts';
import {PacketFilter} from '../../../src/linux/packet-filter.ts';
import {filterChains} from '../../../solver/network/step-filter.ts';
import {asRoot} from '../../support/conditions.ts';
import {inNetworkNamespace, runInNetwork} from '../../support/network-namespace.ts';

// As a machine is that lets packets to its loopback in, and believes every address.
const careless = `
	ip link set lo up
	for interface in all default veth0; do
		echo 1 > /proc/sys/net/ipv4/conf/$interface/route_localnet
		echo 0 > /proc/sys/net/ipv4/conf/$interface/rp_filter
	done
	ip route add 198.51.100.7 dev veth0
	ip address add fe80::1/64 dev veth0 nodad
`;

// What a step could send with CAP_NET_RAW, here sent by the kernel.
const forging = `
	echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
	ip address add 198.51.100.7/32 dev lo
	ip address add fe80::2/64 dev eth0 nodad
	ip route add 127.0.0.9 dev eth0 src 10.213.0.2 table 9
	ip rule add to 127.0.0.9 lookup 9 priority 0
	ip rule del priority 0 lookup local
	ip rule add priority 1 lookup local
`;

/** Whether the machine answers: to an honest packet, to one for its loopback, to one with another address, to one of IPv6. */
function answersFrom(step: Parameters<typeof runInNetwork>[0]): readonly boolean[] {
	const asks = [
		['ping', '-c', '1', '-W', '1', '10.213.0.1'],
		['ping', '-c', '1', '-W', '1', '127.0.0.9'],
		['ping', '-c', '1', '-W', '1', '-I', '198.51.100.7', '10.213.0.1'],
		['ping6', '-c', '1', '-W', '1', 'fe80::1%eth0'],
	];
	return asks.map(words => {
		try {
			runInNetwork(step, 'busybox', ...words);
			return true;
		} catch {
			return false;
		}
	});
}

asRoot('a step cannot send to the machine\'s loopback, nor with another address than its own', t => {
	using opened = new DisposableStack();
	const {namespace: machine, result: machineLinks} = createNetworkNamespace(() => opened.use(new NetworkLinks()));
	const {namespace: step, result: stepLinks} = createNetworkNamespace(() => opened.use(new NetworkLinks()));
	opened.use(machine);
	opened.use(step);
	machineLinks.createPair({
		name: 'veth0', peer: 'eth0', namespace: step, mtu: 1500,
	});
	const link = machineLinks.find('veth0');
	const stepAddress = Buffer.of(10, 213, 0, 2);
	for (const [links, {index}, bytes] of [[machineLinks, link, Buffer.of(10, 213, 0, 1)], [stepLinks, stepLinks.find('eth0'), stepAddress]] as const) {
		links.addAddress({index}, {bytes, prefixLength: 30});
		links.switchOn({index});
	}

	runInNetwork(machine, 'sh', '-ec', careless);
	runInNetwork(step, 'sh', '-ec', forging);
	t.deepEqual(answersFrom(step), [true, true, true, true]);
	opened.use(inNetworkNamespace(machine, () => PacketFilter.create('steps', filterChains(link, [stepAddress]))));
	t.deepEqual(answersFrom(step), [true, false, false, false]);
});
