import {Buffer} from 'node:buffer';
import test from 'ava';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {runInNetwork} from '../support/network-namespace.ts';

/** Two namespaces, of which the first has the right to change the second. */
function makeNamespaces() {
	const outer = createNetworkNamespace(() => new NetworkLinks());
	const inner = createNetworkNamespace(() => new NetworkLinks());
	return {
		outer: outer.namespace,
		inner: inner.namespace,
		outerLinks: outer.result,
		innerLinks: inner.result,
		[Symbol.dispose]() {
			for (const opened of [outer, inner]) {
				opened.result[Symbol.dispose]();
				opened.namespace.close();
			}
		},
	};
}

test('a pair of interfaces joins two namespaces', t => {
	using namespaces = makeNamespaces();
	const {outer, inner, outerLinks, innerLinks} = namespaces;
	outerLinks.createPair({
		name: 'one', peer: 'other', namespace: inner, mtu: 1300,
	});
	const one = outerLinks.find('one');
	const other = innerLinks.find('other');
	t.is(one.mtu, 1300);
	t.is(other.mtu, 1300);
	for (const [links, link, last] of [[outerLinks, one, 1], [innerLinks, other, 2]] as const) {
		links.switchOn(links.find('lo'));
		links.switchOn(link);
		links.addAddress(link, {bytes: Buffer.of(192, 0, 2, last), prefixLength: 30});
		links.addAddress(link, {bytes: Buffer.from(`fd00000000000000000000000000000${last}`, 'hex'), prefixLength: 126});
	}

	innerLinks.addDefaultRoute(other, Buffer.of(192, 0, 2, 1));
	t.regex(runInNetwork(inner, 'ip', 'route'), /^default via 192\.0\.2\.1 dev other/mv);
	t.regex(runInNetwork(outer, 'busybox', 'ping', '-c', '1', '-W', '10', '192.0.2.2'), /1 packets received/v);
	t.regex(runInNetwork(outer, 'busybox', 'ping', '-c', '1', '-W', '10', 'fd00::2'), /1 packets received/v);
});

test('a connection stays in the namespace that it was opened in', t => {
	using namespaces = makeNamespaces();
	const {outer, inner, outerLinks, innerLinks} = namespaces;
	outerLinks.createPair({
		name: 'one', peer: 'other', namespace: inner, mtu: 1500,
	});
	t.throws(() => innerLinks.find('one'), {code: 'ENODEV', message: 'failed to find network interface one: ENODEV'});
	t.regex(runInNetwork(outer, 'ip', '-o', 'link'), / one@/v);
});

test('what the kernel refuses is an error with its reason', t => {
	using namespaces = makeNamespaces();
	const {inner, outerLinks} = namespaces;
	const pair = {
		name: 'one', peer: 'other', namespace: inner, mtu: 1500,
	};
	outerLinks.createPair(pair);
	t.throws(() => {
		outerLinks.createPair(pair);
	}, {code: 'EEXIST', message: 'failed to create network interface one: EEXIST'});
	t.throws(() => {
		outerLinks.addDefaultRoute(outerLinks.find('one'), Buffer.of(198, 51, 100, 1));
	}, {message: /^failed to add default route: /v});
});
