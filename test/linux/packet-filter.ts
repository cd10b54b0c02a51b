import {Buffer} from 'node:buffer';
import test from 'ava';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {findForwardChains, PacketFilter, type FilterChain} from '../../src/linux/packet-filter.ts';
import {inNetworkNamespace, runInNetwork} from '../support/network-namespace.ts';

// By its path, because a package of Node has a program of the same name.
const nft = '/usr/sbin/nft';

const chains: readonly FilterChain[] = [
	{
		hook: 'prerouting',
		priority: -300,
		type: 'filter',
		rules: [
			{matches: [{type: 'input', index: 1, isNegated: true}], verdict: 'accept'},
			{
				matches: [{type: 'family', family: 'ipv4'}, {
					type: 'header', header: 'network', offset: 16, value: Buffer.of(127, 0, 0, 0), mask: Buffer.of(255, 0, 0, 0), isNegated: true,
				}],
				verdict: 'drop',
			},
			{
				matches: [{type: 'family', family: 'ipv6'}, {type: 'protocol', number: 58}, {
					type: 'header', header: 'transport', offset: 0, value: Buffer.of(135),
				}],
				verdict: 'accept',
			},
		],
	},
	{
		hook: 'forward', priority: 0, type: 'filter', rules: [{matches: [{type: 'output', index: 1}, {type: 'unknown connection'}], verdict: 'drop'}],
	},
	{
		hook: 'postrouting',
		priority: 100,
		type: 'nat',
		rules: [{
			matches: [{type: 'family', family: 'ipv4'}, {
				type: 'header', header: 'network', offset: 12, value: Buffer.of(192, 0, 2, 1),
			}],
			verdict: 'masquerade',
		}],
	},
];

test('the kernel has the rules as nft would write them, until the filter is disposed of', t => {
	using namespace = createNetworkNamespace(() => undefined).namespace;
	const filter = inNetworkNamespace(namespace, () => PacketFilter.create('mine', chains));
	const rules = new Set(runInNetwork(namespace, nft, 'list', 'ruleset').split('\n').map(line => line.trim()));
	const expected = [
		'flags owner',
		'iif != "lo" accept',
		'ip daddr != 127.0.0.0/8 drop',
		'icmpv6 type nd-neighbor-solicit accept',
		'oif "lo" ct state ! established,related drop',
		'ip saddr 192.0.2.1 masquerade',
		'type nat hook postrouting priority srcnat; policy accept;',
	];
	t.deepEqual(expected.filter(line => !rules.has(line)), []);

	filter[Symbol.dispose]();
	t.is(runInNetwork(namespace, nft, 'list', 'ruleset'), '');
});

test('nobody else can change the rules', t => {
	using namespace = createNetworkNamespace(() => undefined).namespace;
	using _ = inNetworkNamespace(namespace, () => PacketFilter.create('mine', chains));
	t.throws(() => runInNetwork(namespace, nft, 'delete', 'table', 'inet', 'mine'), {message: /Operation not permitted/v});
	t.throws(() => inNetworkNamespace(namespace, () => PacketFilter.create('mine', [])), {message: 'failed to create packet filter: EPERM'});
});

test('a filter that cannot be made in part is not made at all', t => {
	using namespace = createNetworkNamespace(() => undefined).namespace;
	const wrong: FilterChain = {
		hook: 'forward', priority: 0, type: 'nat', rules: [],
	};
	t.throws(() => inNetworkNamespace(namespace, () => PacketFilter.create('mine', [...chains, wrong])), {name: 'LinuxError'});
	t.is(runInNetwork(namespace, nft, 'list', 'ruleset'), '');
});

test('the chains that decide about forwarded packets are found, with their policy', t => {
	using namespace = createNetworkNamespace(() => undefined).namespace;
	t.deepEqual(inNetworkNamespace(namespace, findForwardChains), []);
	runInNetwork(namespace, nft, `
		table inet open { chain through { type filter hook forward priority 0; }; chain in { type filter hook input priority 0; policy drop; }; }
		table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }
		table ip6 filter { chain FORWARD { type filter hook forward priority 0; accept; }; }
	`);
	t.deepEqual(inNetworkNamespace(namespace, findForwardChains), [
		{
			family: 'inet', table: 'open', name: 'through', drops: false, isEmpty: true,
		},
		{
			family: 'ipv4', table: 'filter', name: 'FORWARD', drops: true, isEmpty: true,
		},
		{
			family: 'ipv6', table: 'filter', name: 'FORWARD', drops: false, isEmpty: false,
		},
	]);
});

test('the filters of iptables are among them', t => {
	using namespace = createNetworkNamespace(() => undefined).namespace;
	runInNetwork(namespace, 'iptables-nft', '-P', 'FORWARD', 'DROP');
	t.like(inNetworkNamespace(namespace, findForwardChains), [{
		family: 'ipv4', table: 'filter', name: 'FORWARD', drops: true,
	}]);
});
