import test from 'ava';
import {judgeNameServers} from '../../src/doctor/name-servers.ts';

test('servers that steps can reach are told', t => {
	t.deepEqual(judgeNameServers(['192.0.2.1', '2001:db8::1'], []), {status: 'ok', topic: 'dns', summary: '192.0.2.1, 2001:db8::1'});
});

test('behind the stub of systemd stand its own servers', t => {
	t.deepEqual(judgeNameServers(['127.0.0.53'], ['192.0.2.1']), {status: 'ok', topic: 'dns', summary: '127.0.0.53; steps ask 192.0.2.1'});
});

test('a server that only the host can reach is a warning', t => {
	t.like(judgeNameServers(['127.0.0.1'], []), {status: 'warning', summary: '127.0.0.1, which no step can reach'});
});

test('no server is a warning', t => {
	t.like(judgeNameServers([], []), {status: 'warning', summary: '/etc/resolv.conf names no server'});
});
