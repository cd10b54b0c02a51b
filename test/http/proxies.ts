import test from 'ava';
import {proxyChooser, readProxySettings} from '../../src/http/proxies.ts';

const goesThrough = test.macro((t, environment: Readonly<Record<string, string>>, expected: Readonly<Record<string, string | undefined>>) => {
	const choose = proxyChooser(readProxySettings(environment));
	for (const [address, proxy] of Object.entries(expected)) {
		t.is(choose(new URL(address))?.host, proxy, address);
	}
});

test('there is a proxy for each protocol', goesThrough, {HTTP_PROXY: 'http://one:1', HTTPS_PROXY: 'http://two:2'}, {
	'http://registry': 'one:1',
	'https://registry': 'two:2',
});

test('lower case and addresses without a scheme will do', goesThrough, {http_proxy: 'one:1', https_proxy: 'two:2', HTTPS_PROXY: ''}, {
	'http://registry': 'one:1',
	'https://registry': 'two:2',
});

test('no proxy is no proxy', goesThrough, {}, {'https://registry': undefined});

test('this machine needs no proxy', goesThrough, {HTTP_PROXY: 'one:1'}, {
	'http://localhost': undefined,
	'http://localhost:5000': undefined,
	'http://127.0.0.1': undefined,
	'http://127.1.2.3:80': undefined,
	'http://[::1]:5000': undefined,
	'http://128.0.0.1': 'one:1',
	'http://localhost-of-another': 'one:1',
});

test('NO_PROXY names hosts, with all below them, and ports', goesThrough, {HTTPS_PROXY: 'one:1', NO_PROXY: 'one.example, .two.example,three.example:444,*.four.example,'}, {
	'https://one.example': undefined,
	'https://ONE.example:444': undefined,
	'https://below.one.example': undefined,
	'https://notone.example': 'one:1',
	'https://two.example': 'one:1',
	'https://below.two.example': undefined,
	'https://three.example': 'one:1',
	'https://three.example:444': undefined,
	'https://below.four.example': undefined,
	'https://four.example': 'one:1',
});

test('NO_PROXY names addresses and networks', goesThrough, {HTTP_PROXY: 'one:1', no_proxy: '10.0.0.0/8,192.0.2.1,192.0.2.2:8080,[2001:db8::1],2001:db8:1::/48'}, {
	'http://10.255.0.1:5000': undefined,
	'http://11.0.0.1': 'one:1',
	'http://192.0.2.1:99': undefined,
	'http://192.0.2.2:8080': undefined,
	'http://192.0.2.2': 'one:1',
	'http://[2001:db8::1]:5000': undefined,
	'http://[2001:db8::2]:5000': 'one:1',
	'http://[2001:db8:1::2]': undefined,
});

test('a star in NO_PROXY is all', goesThrough, {HTTP_PROXY: 'one:1', NO_PROXY: '*'}, {'http://registry': undefined});

test('what is no host, address or network in NO_PROXY means nothing', goesThrough, {HTTP_PROXY: 'one:1', NO_PROXY: '10.0.0.0/99,,[,::::,/8'}, {
	'http://10.0.0.1': 'one:1',
	'http://registry': 'one:1',
});

const refuses = test.macro((t, proxy: string, message: string) => {
	const choose = proxyChooser(readProxySettings({HTTPS_PROXY: proxy}));
	t.throws(() => choose(new URL('https://registry')), {code: 'ERR_TSBUILD_PROXY', message});
	t.notThrows(() => choose(new URL('http://registry')));
});

test('a proxy of another kind is refused', refuses, 'socks5://user:hidden@one:1', 'failed to use a proxy: unsupported scheme "socks5"');
test('a proxy that is no address is refused, and not shown', refuses, 'http://user:hidden@[one', 'failed to use a proxy: invalid URL');
