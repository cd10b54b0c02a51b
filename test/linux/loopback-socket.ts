import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {createServer} from 'node:net';
import test from 'ava';
import {openLoopbackSocket} from '../../src/linux/loopback-socket.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {inNetworkNamespace, runInNetwork} from '../support/network-namespace.ts';

test('Node takes over a socket that is in another namespace', async t => {
	using namespace = createNetworkNamespace(() => {
		using links = new NetworkLinks();
		links.switchOn(links.find('lo'));
	}).namespace;
	const [tcp, udp] = inNetworkNamespace(namespace, () => [openLoopbackSocket('tcp', 53), openLoopbackSocket('udp', 53)] as const);
	t.throws(() => inNetworkNamespace(namespace, () => openLoopbackSocket('udp', 53)), {message: 'failed to open udp socket on port 53: EADDRINUSE'});
	const server = createServer();
	server.listen({fd: tcp.release()});
	const socket = createSocket('udp4');
	socket.bind({fd: udp.release()});
	await once(server, 'listening');
	t.regex(runInNetwork(namespace, 'ss', '-lntu'), /udp.*127\.0\.0\.1:53.*\ntcp.*127\.0\.0\.1:53/v);
	server.close();
	socket.close();
});
