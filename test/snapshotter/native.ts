import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {openStore} from '../../snapshotter/store.ts';
import {asRoot} from '../support/conditions.ts';
import {testSnapshotter} from '../support/snapshotter-contract.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

testSnapshotter(asRoot, async () => {
	const directory = await makeTemporaryDirectory();
	const store = await openStore(directory.path, {snapshotter: 'native'});
	return {
		snapshotter: store.snapshotter,
		listFiles: async () => readdir(path.join(store.root, 'snapshots')),
		async [Symbol.asyncDispose]() {
			await store[Symbol.asyncDispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
});
