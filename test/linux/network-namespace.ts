import {readlinkSync} from 'node:fs';
import test from 'ava';
import {createNetworkNamespace, inNetworkNamespace} from '../../src/linux/network-namespace.ts';

const ownNamespace = () => readlinkSync('/proc/thread-self/ns/net');

test('a thread is in the new namespace for as long as the function runs', t => {
	const before = ownNamespace();
	const {namespace, result} = createNetworkNamespace(ownNamespace);
	using _ = namespace;
	t.not(result, before);
	t.is(ownNamespace(), before);
	t.is(readlinkSync(namespace.path), result);
	t.is(inNetworkNamespace(namespace, ownNamespace), result);
	t.is(ownNamespace(), before);
});

test('a thread comes back when the function fails', t => {
	const before = ownNamespace();
	const fail = () => {
		throw new RangeError('inside');
	};

	t.throws(() => createNetworkNamespace(fail), {instanceOf: RangeError, message: 'inside'});
	using namespace = createNetworkNamespace(() => undefined).namespace;
	t.throws(() => inNetworkNamespace(namespace, fail), {instanceOf: RangeError});
	t.throws(() => inNetworkNamespace(0, fail), {code: 'EINVAL', message: 'failed to enter namespace: EINVAL'});
	t.is(ownNamespace(), before);
});
