import {
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {errorCode} from '../../../src/kernel/errors.ts';
import {openExecMounts} from '../../../solver/ops/exec-mounts.ts';
import {BuildStore} from '../../support/build-store.ts';
import {asRoot} from '../../support/conditions.ts';
import {swapAllTheTime} from '../../support/swap-all-the-time.ts';

/*
A directory and a link out of the tree change places all the time, while a build takes what has the directory's name.
*/

const rounds = 300;

/** Makes `sub` with a file, and `link` that leads out. */
function fill(tree: string, outside: string): void {
	mkdirSync(path.join(tree, 'sub'));
	writeFileSync(path.join(tree, 'sub/file'), 'inside');
	symlinkSync(outside, path.join(tree, 'link'));
}

// CVE-2024-23651, CVE-2024-11218
asRoot('a part of a cache that becomes a link meanwhile leads nowhere else', async t => {
	await using build = await BuildStore.open();
	const from = await build.snapshot(directory => {
		fill(directory, build.outside);
	});
	const open = async (source: string) => openExecMounts([{
		type: 'cache', id: 'cache', sharing: 'shared', content: null, input: 0, source, target: '/x', readOnly: false,
	}], {
		inputs: [{kind: 'snapshot', snapshot: from}],
		store: build.store,
		readSecret: async () => undefined,
		sshAgents: new Map(),
		onChangedSource: () => undefined,
		signal: new AbortController().signal,
	});
	const outcomes = new Set<string>();
	await using whole = await open('/');
	const [mount] = whole.mounts;
	// As another process finds it.
	const tree = mount?.type === 'detached' ? `/proc/${process.pid}/fd/${mount.mount.number}` : '';
	await using _swapper = await swapAllTheTime(path.join(tree, 'sub'), path.join(tree, 'link'));
	for (let round = 0; round < rounds; round++) {
		try {
			await using opened = await open('/sub');
			const [part] = opened.mounts;
			outcomes.add(readdirSync(part?.type === 'detached' ? part.mount.path : '').join(','));
		} catch (error) {
			outcomes.add(errorCode(error) ?? String(error));
		}
	}

	t.deepEqual([...outcomes].filter(outcome => outcome !== 'file' && outcome !== 'ERR_TSBUILD_SOURCE_NOT_FOUND'), []);
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
});

asRoot('a directory of the context that becomes a link meanwhile is never followed out of it', async t => {
	await using build = await BuildStore.open();
	fill(build.context, build.outside);
	await using _swapper = await swapAllTheTime(path.join(build.context, 'sub'), path.join(build.context, 'link'));
	const outcomes = new Set<string>();
	for (let round = 0; round < rounds / 10; round++) {
		try {
			const copied = await build.copy({source: '/sub', destination: '/x'});
			const entries = await build.list(copied);
			outcomes.add(entries.join('\n'));
		} catch (error) {
			outcomes.add(errorCode(error) ?? String(error));
		}
	}

	t.deepEqual([...outcomes].filter(outcome => outcome.includes('canary') || outcome.includes('sings')), []);
});
