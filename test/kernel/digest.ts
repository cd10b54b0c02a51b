import test from 'ava';
import {canonicalDigest, canonicalJson, type JsonValue} from '../../src/kernel/canonical-json.ts';
import {
	chainIdOfAll,
	digestOf,
	parseDiffId,
	parseDigest,
	splitDigest,
} from '../../src/kernel/digest.ts';

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a digest names its algorithm and its hexadecimal digits', t => {
	t.is(digestOf(''), parseDigest(`sha256:${hex}`));
	t.deepEqual(splitDigest(digestOf('')), {algorithm: 'sha256', hex});
});

for (const text of ['', hex, `sha256:${hex.toUpperCase()}`, `sha256:${hex}0`, 'sha256:../../etc/passwd', `md5:${'0'.repeat(32)}`, `sha256:${hex}\n`, 'constructor:', '__proto__:a']) {
	test(`${JSON.stringify(text)} is no digest`, t => {
		t.throws(() => parseDigest(text), {code: 'ERR_TSBUILD_INVALID_DIGEST'});
	});
}

test('a chain ID is the lowest diff ID, then the digest of the chain below and the next diff ID', t => {
	const [first, second] = [parseDiffId(digestOf('a')), parseDiffId(digestOf('b'))];
	t.is(chainIdOfAll([]), undefined);
	t.is(chainIdOfAll([first]), first as never);
	t.is(chainIdOfAll([first, second]), digestOf(`${first} ${second}`) as never);
});

test('canonical JSON does not depend on the order of keys', t => {
	t.is(canonicalJson({b: [{d: 1, c: null}], a: undefined, aa: 'x'}), '{"aa":"x","b":[{"c":null,"d":1}]}');
	t.is(canonicalDigest({a: 1, b: 2}), canonicalDigest({b: 2, a: 1}));
	t.is(canonicalJson(JSON.parse('{"__proto__":{"b":1,"a":2}}') as JsonValue), '{"__proto__":{"a":2,"b":1}}');
});
