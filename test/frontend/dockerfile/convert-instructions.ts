import test from 'ava';
import {convert} from '../../support/conversion.ts';
import {
	copyActions,
	findRun,
	findVertex,
	operationsOf,
} from '../../support/conversion-results.ts';

test('a RUN knows its directory, user, shell, network and security', async t => {
	const dockerfile = 'FROM busybox\nWORKDIR /a/\nWORKDIR b\nUSER me:us\nSHELL ["/bin/ash", "-ec"]\nRUN --network=none --security=insecure x  y\nRUN ["z", "$HOME"]\nRUN --network=default w';
	const result = await convert(dockerfile, {}, {network: 'host'});
	t.like(findRun(result, '--network=none --security=insecure x  y'), {
		args: ['/bin/ash', '-ec', 'x  y'], cwd: '/a/b', user: 'me:us', network: 'none', security: 'insecure', mounts: [],
	});
	t.like(findRun(result, '["z", "$HOME"]'), {args: ['z', '$HOME'], network: 'host', security: 'sandbox'});
	t.is(findRun(result, '--network=default w').network, 'host');
});

test('a WORKDIR makes a directory that belongs to the current user', async t => {
	const result = await convert('FROM scratch\nWORKDIR /a/./b/../c/\nUSER 5:6\nWORKDIR "d e"\nWORKDIR $unset\nWORKDIR /');
	const made = operationsOf(result).flatMap(operation => operation.kind === 'file' ? operation.actions : []);
	t.deepEqual(made, [
		{action: 'make-directory', path: '/a/c', mode: 0o755},
		{
			action: 'make-directory', path: '/a/c/d e', mode: 0o755, owner: '5:6',
		},
		{
			action: 'make-directory', path: '/a/c/d e', mode: 0o755, owner: '5:6',
		},
	]);
	t.is(result.image.config.WorkingDir, '/');
	t.deepEqual(result.image.history?.map(entry => entry.empty_layer ?? false), [false, true, false, false, true]);
});

test('an absolute WORKDIR stays in the config as it is written', async t => {
	const {image} = await convert('FROM scratch\nWORKDIR /app/\nCMD ["x"]');
	t.is(image.config.WorkingDir, '/app/');
});

test('a COPY copies from the build context into its own layer', async t => {
	const result = await convert('FROM busybox\nWORKDIR /w\nCOPY --chown=me:7 --chmod=640 --exclude=*.md --exclude=**/x ../a/ b*.txt d/');
	const {operation, inputs} = findVertex(result, 'COPY --chown=me:7 --chmod=640 --exclude=*.md --exclude=**/x ../a/ b*.txt d/');
	t.like(operation, {kind: 'file', root: 0});
	t.deepEqual(inputs.map(input => result.definition.metadata.get(input)?.name), ['[2/3] WORKDIR /w', '[internal] load build context']);
	const common = {
		action: 'copy', input: 1, destination: '/w/d/', allowWildcard: true, allowEmptyWildcard: true, directoryContentsOnly: true, createDestinationPath: true,
		followSymlinks: true, owner: 'me:7', mode: '0640', attemptUnpack: false, keepParents: false, include: [], exclude: ['*.md', '**/x'],
	} as const;
	t.deepEqual(copyActions(result), [{...common, source: '/a'}, {...common, source: '/b*.txt'}]);
});

test('an ADD unpacks archives unless it is told not to', async t => {
	t.true(copyActions(await convert('FROM scratch\nADD a.tar /')).every(action => action.attemptUnpack));
	t.false(copyActions(await convert('FROM scratch\nADD --unpack=false a.tar /')).some(action => action.attemptUnpack));
});

test('COPY --parents keeps what stands behind the pivot', async t => {
	const actions = copyActions(await convert('FROM scratch\nCOPY --parents a/./b/../c/*.txt d/e /x/'));
	t.deepEqual(actions.map(({source, include, keepParents}) => ({source, include, keepParents})), [
		{source: '/a', include: ['c/*.txt'], keepParents: true},
		{source: '/', include: ['d/e'], keepParents: true},
	]);
});

test('a COPY of heredocs makes files of them, with variables unless the name is quoted', async t => {
	const result = await convert('FROM scratch\nENV V=v\nCOPY a <<b <<-"c" /d/\n$V "\\$V"\nb\n\t$V\nc\n');
	const files = operationsOf(result).flatMap(operation => operation.kind === 'file' ? operation.actions : []).filter(action => action.action === 'make-file');
	t.deepEqual(files, [
		{
			action: 'make-file', path: '/b', content: 'v "$V"\n', mode: 0o644,
		},
		{
			action: 'make-file', path: '/c', content: '$V\n', mode: 0o644,
		},
	]);
	t.deepEqual(copyActions(result).map(({source, destination, input}) => [source, destination, input]), [['/a', '/d/', 0], ['/b', '/d/', 1], ['/c', '/d/', 2]]);
	t.is(result.image.history?.at(-1)?.created_by, 'COPY a <<b <<c /d/ # buildkit');
});

test('the name of a heredoc does not leave the directory', async t => {
	const result = await convert('FROM scratch\nCOPY <<../../etc/x /d/\na\n../../etc/x\n');
	t.deepEqual(copyActions(result).map(({source}) => source), ['/etc/x']);
});

test('a RUN of a heredoc alone gives it to the shell', async t => {
	const result = await convert('FROM busybox\nRUN <<-EOF\n\techo a\n\techo b\nEOF\n');
	t.deepEqual(findRun(result, '<<-EOF (echo a...)').args, ['/bin/sh', '-c', 'echo a\necho b\n']);
});

test('a RUN with a command leaves its heredocs to the shell', async t => {
	const result = await convert('FROM busybox\nRUN <<A cat && cat 3<<"B"\na\nA\nb\nB\n');
	t.deepEqual(findRun(result, '<<A cat && cat 3<<"B"').args, ['/bin/sh', '-c', '<<A cat && cat 3<<"B"\na\nA\nb\nB']);
});

test('a heredoc with an interpreter is a file that is run', async t => {
	const result = await convert('FROM busybox\nRUN <<EOF\n#!/bin/sh -x\necho a\nEOF\n');
	const {operation, inputs} = findVertex(result, 'RUN <<EOF (#!/bin/sh -x...)');
	t.like(operation, {
		args: ['/bin/sh', '-c', '/dev/pipes/EOF'], mounts: [{
			type: 'bind', input: 1, source: '/', target: '/dev/pipes', readOnly: true,
		}],
	});
	t.like(result.definition.vertexes.get(inputs[1]!)?.operation, {
		actions: [{
			action: 'make-file', path: '/EOF', content: '#!/bin/sh -x\necho a\n', mode: 0o755,
		}],
	});
});
