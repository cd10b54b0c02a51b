import test from 'ava';
import {makeMachine} from '../support/cache-machines.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry, type TestRegistry} from '../support/registry.ts';

let registry: TestRegistry;

test.before('the registry is started', async () => {
	registry = await startRegistry();
});

test.after.always('the registry is stopped', async () => {
	await registry[Symbol.asyncDispose]();
});

// Each step adds a line, and shows how many there are.
const dockerfile = (step: string) => `FROM base
RUN --mount=type=cache,id=lines,target=/c : ${step}; echo line >> /c/lines; echo "lines: $(wc -l < /c/lines)"
RUN --mount=type=cache,id=large,target=/c [ -e /c/large ] && echo large; head -c 100000 /dev/zero > /c/large
`;

test('the directories of cache mounts go along with a cache, as far as they have room', async t => {
	await using project = await makeProject({Dockerfile: dockerfile('first')});
	const cache = `${registry.host}/mounts/cache:1`;
	const first = await makeMachine(project, 'first').build('-o', 'type=cacheonly', '--cache-to', `type=registry,ref=${cache},mounts=true,mounts-max-size=50k`);
	t.true(first.stderr.includes('lines: 1\n'));
	t.regex(first.stderr, /^WARNING: the cache mount \/large is not exported: it has \d+ bytes, and \d+ are left of mounts-max-size$/mv);
	await project.write({Dockerfile: dockerfile('second')});
	const without = await makeMachine(project, 'without').build('-o', 'type=cacheonly', '--cache-from', cache);
	t.true(without.stderr.includes('lines: 1\n'));
	const second = makeMachine(project, 'second');
	const taken = await second.build('-o', 'type=cacheonly', '--cache-from', `type=registry,ref=${cache},mounts=true`);
	t.true(taken.stderr.includes('lines: 2\n'));
	t.regex(taken.stderr, /^#\d+ \d+\.\d+ lines: 2$/mv);
	await project.write({Dockerfile: dockerfile('third')});
	const kept = await second.build('-o', 'type=cacheonly', '--cache-from', `type=registry,ref=${cache},mounts=true`);
	t.true(kept.stderr.includes('lines: 3\n'));
});

test('a machine that runs nothing passes cache mounts on, and does not fetch them', async t => {
	await using project = await makeProject({Dockerfile: dockerfile('first')});
	const [from, to] = [`${registry.host}/mounts/from:1`, `${registry.host}/mounts/to:1`];
	await makeMachine(project, 'first').build('-o', 'type=cacheonly', '--cache-to', `type=registry,ref=${from},mounts=true`);
	const second = makeMachine(project, 'second');
	await second.build('-o', 'type=cacheonly', '--cache-from', `type=registry,ref=${from},mounts=true`, '--cache-to', `type=registry,ref=${to},mounts=true`);
	t.deepEqual(await second.blobs(), []);
	await project.write({Dockerfile: dockerfile('third')});
	const third = await makeMachine(project, 'third').build('-o', 'type=cacheonly', '--cache-from', `type=registry,ref=${to},mounts=true`);
	t.true(third.stderr.includes('lines: 2\n'));
	t.regex(third.stderr, /^#\d+ \d+\.\d+ large$/mv);
});
