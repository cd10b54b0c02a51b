import {Buffer} from 'node:buffer';
import test from 'ava';
import {chooseAddresses, chooseAddressesIpv6, formatAddress} from '../../../solver/network/address-pool.ts';
import type {HostRoute} from '../../../solver/network/host-routes.ts';

const route = (destination: string, prefixLength: number): HostRoute => ({
	interfaceName: 'eth0',
	destination: Buffer.from(destination.split('.').map(Number)).readUInt32BE(),
	mask: prefixLength === 0 ? 0 : (0xFF_FF_FF_FF << (32 - prefixLength)) >>> 0,
});

const chooses = test.macro({
	exec(t, {index, routes}: {readonly index: number; readonly routes: readonly HostRoute[]}, expected: string) {
		const {host, step, prefixLength} = chooseAddresses(index, routes);
		t.is(`${formatAddress(host)} ${formatAddress(step)}/${prefixLength}`, expected);
	},
	title: (title = '') => `addresses: ${title}`,
});

test('a network of four for each interface', chooses, {index: 3, routes: []}, '10.213.0.13 10.213.0.14/30');
test('after the last one the first comes again', chooses, {index: 16_384, routes: []}, '10.213.0.1 10.213.0.2/30');
test('the default route is in nobody\'s way', chooses, {index: 1, routes: [route('0.0.0.0', 0), route('10.213.0.0', 30)]}, '10.213.0.5 10.213.0.6/30');
test('a route to a larger network makes it another range', chooses, {index: 1, routes: [route('10.0.0.0', 8)]}, '172.30.0.5 172.30.0.6/30');
test('a route to one address does, too', chooses, {index: 1, routes: [route('10.213.0.7', 32), route('172.30.0.4', 31)]}, '10.137.0.5 10.137.0.6/30');
test(
	'where all private networks are taken',
	chooses,
	{index: 1, routes: [route('10.0.0.0', 8), route('172.16.0.0', 12), route('192.168.0.0', 16)]},
	'198.18.0.5 198.18.0.6/30',
);

test('addresses of IPv6 are of a unique local network, another for each interface', t => {
	const {host, step, prefixLength} = chooseAddressesIpv6(0x1_00_00);
	t.is(Buffer.from(host).toString('hex'), 'fd74736275696c640000000000040001');
	t.is(Buffer.from(step).toString('hex'), 'fd74736275696c640000000000040002');
	t.is(prefixLength, 126);
});
