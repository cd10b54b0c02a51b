import {readlinkSync} from 'node:fs';
import test from 'ava';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {createNetworkNamespaceInThread} from '../../src/linux/network-namespace-thread.ts';
import {runInNetwork} from '../support/network-namespace.ts';

const ownNamespace = () => readlinkSync('/proc/thread-self/ns/net');

test('a thread is in the new namespace for as long as the function runs', t => {
	const before = ownNamespace();
	const {namespace, result} = createNetworkNamespace(ownNamespace);
	using _ = namespace;
	t.not(result, before);
	t.is(ownNamespace(), before);
	t.is(readlinkSync(namespace.path), result);
});

test('a thread comes back when the function fails', t => {
	const before = ownNamespace();
	const fail = () => {
		throw new RangeError('inside');
	};

	t.throws(() => createNetworkNamespace(fail), {instanceOf: RangeError, message: 'inside'});
	t.is(ownNamespace(), before);
});

test('a thread of its own makes a namespace with sockets in it', async t => {
	const before = ownNamespace();
	const {namespace, result: {links, tcp, udp}} = await createNetworkNamespaceInThread(53);
	using opened = new DisposableStack();
	for (const descriptor of [namespace, tcp, udp]) {
		opened.use(descriptor);
	}

	t.not(readlinkSync(namespace.path), before);
	t.is(ownNamespace(), before);
	const interfaces = opened.use(new NetworkLinks(links));
	interfaces.switchOn(interfaces.find('lo'));
	t.throws(() => interfaces.find('eth0'), {code: 'ENODEV'});
	t.regex(runInNetwork(namespace, 'ss', '-anu'), /127\.0\.0\.1:53/v);
});
