import test from 'ava';
import {MemoryCache} from '../support/memory-cache.ts';
import {testCacheStore} from '../support/cache-store-contract.ts';

testCacheStore(test, 'in memory', async () => ({
	cache: new MemoryCache<string>(),
	results: ['one', 'two'],
	async [Symbol.asyncDispose]() {
		// Nothing is left.
	},
}));
