import type {TestFn} from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import type {CacheStore} from '../../solver/cache-store.ts';

/** A cache to test, and two results that it can hold. */
export type CacheStoreUnderTest<Result> = AsyncDisposable & {
	readonly cache: CacheStore<Result>;
	readonly results: readonly [Result, Result];
};

const [a, b, c] = ['a', 'b', 'c'].map(text => digestOf(text)) as [ReturnType<typeof digestOf>, ReturnType<typeof digestOf>, ReturnType<typeof digestOf>];

/** What the solver expects of every cache. */
export function testCacheStore<Result>(test: TestFn, name: string, open: () => Promise<CacheStoreUnderTest<Result>>): void {
	const {signal} = new AbortController();

	test(`${name}: a key that nobody recorded is not found`, async t => {
		await using opened = await open();
		t.is(await opened.cache.find(a), undefined);
	});

	test(`${name}: a result is found under each key, with the canonical one`, async t => {
		await using opened = await open();
		const {cache, results} = opened;
		const [result] = results;
		await cache.record([a, b], result, 'step');
		for (const key of [a, b]) {
			const record = await cache.find(key);
			t.is(record?.canonicalKey, a);
			t.deepEqual(await record?.load(signal), result);
		}
	});

	test(`${name}: a key that exists leads to the new result`, async t => {
		await using opened = await open();
		const {cache, results} = opened;
		const [first, second] = results;
		await cache.record([a, b], first, 'step');
		await cache.record([c, b], second, 'step');
		const [old, replaced] = [await cache.find(a), await cache.find(b)];
		t.deepEqual([old?.canonicalKey, await old?.load(signal)], [a, first]);
		t.deepEqual([replaced?.canonicalKey, await replaced?.load(signal)], [c, second]);
	});

	test(`${name}: an alias leads to the record of another key`, async t => {
		await using opened = await open();
		const {cache, results} = opened;
		const [result] = results;
		await cache.record([a], result, 'step');
		await cache.alias(b, a);
		const record = await cache.find(b);
		t.deepEqual([record?.canonicalKey, await record?.load(signal)], [a, result]);
	});

	test(`${name}: an alias of nothing is nothing`, async t => {
		await using opened = await open();
		await opened.cache.alias(b, a);
		t.is(await opened.cache.find(b), undefined);
	});

	test(`${name}: recording the same again is fine`, async t => {
		await using opened = await open();
		const {cache, results} = opened;
		const [result] = results;
		await cache.record([a, b], result, 'step');
		await cache.record([a, b], result, 'step');
		const record = await cache.find(b);
		t.deepEqual(await record?.load(signal), result);
	});
}
