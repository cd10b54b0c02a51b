import test from 'ava';
import {hostsFile, resolverConfiguration, type HostResolver} from '../../../solver/executor/etc-files.ts';

const resolves = test.macro((t, resolver: Partial<HostResolver>, expected: string) => {
	t.is(resolverConfiguration({type: 'none'}, {standard: '', systemd: '', ...resolver}), expected);
});

const publicServers = 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n';

test('resolver configuration is passed on', resolves, {standard: 'search example.org\nnameserver 192.0.2.1\noptions ndots:2\n'}, 'search example.org\nnameserver 192.0.2.1\noptions ndots:2\n');
test('servers on the loopback are left out', resolves, {standard: 'nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver ::1\n'}, 'nameserver 192.0.2.1\n');
test('without a server that can be reached there are public ones', resolves, {standard: 'search a\nnameserver 127.0.0.1'}, `search a\n${publicServers}`);
test('without a configuration there are public servers', resolves, {}, publicServers);
test('behind systemd\'s stub are its own servers', resolves, {standard: 'nameserver 127.0.0.53\n', systemd: 'nameserver 192.0.2.9\n'}, 'nameserver 192.0.2.9\n');
test('where systemd\'s own servers are not told, its stub is a server on the loopback', resolves, {
	standard: 'nameserver 127.0.0.53\noptions edns0\nsearch a\n',
}, `options edns0\nsearch a\n${publicServers}`);
test('systemd\'s stub beside another server is only left out', resolves, {standard: 'nameserver 127.0.0.53\nnameserver 192.0.2.1\n', systemd: 'nameserver 192.0.2.9\n'}, 'nameserver 192.0.2.1\n');

test('on the host\'s network the configuration is the host\'s own', t => {
	const standard = '# mine\nnameserver 127.0.0.53\n';
	t.is(resolverConfiguration({type: 'host'}, {standard, systemd: ''}), standard);
});

test('hosts holds the container and what was added', t => {
	const extraHosts = [{name: 'one', address: '192.0.2.1'}, {name: 'two.example', address: '2001:db8::2'}];
	t.is(
		hostsFile({hostname: 'buildkitsandbox', extraHosts}, {type: 'none'}),
		'127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n192.0.2.1\tone\n2001:db8::2\ttwo.example\n',
	);
});
