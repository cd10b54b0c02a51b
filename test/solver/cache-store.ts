import {MemoryCache} from '../support/memory-cache.ts';
import {testCacheStore} from '../support/cache-store-contract.ts';

testCacheStore('in memory', async () => ({
	cache: new MemoryCache<string>(),
	results: ['one', 'two'],
	async [Symbol.asyncDispose]() {
		// Nothing is left.
	},
}));
