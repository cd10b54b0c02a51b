import {Buffer} from 'node:buffer';
import {execFileSync, spawnSync} from 'node:child_process';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {asNamespaceRoot} from '../support/namespace-root.ts';
import {makeProject} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {tsbuild, waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

test('a bind mount shows the context without what is ignored, as root\'s, read-only', async t => {
	await using project = await makeProject({
		Dockerfile: 'FROM base\nRUN --mount=type=bind,target=/ctx cd /ctx; stat -c "%u:%g %A %n" a sub sub/b; ls; touch x 2>&1; mkdir sub/d 2>&1; true\n',
		'.dockerignore': 'hidden\nDockerfile\n.dockerignore\n',
		a: '', hidden: '', 'sub/b': '',
	});
	execFileSync(...asNamespaceRoot('chown', ['-R', '1234:1234', project.context]));
	const result = await project.build();
	t.is(stepOutput(result.stderr), [
		'0:0 -rw-r--r-- a',
		'0:0 drwxr-xr-x sub',
		'0:0 -rw-r--r-- sub/b',
		'a',
		'sub',
		'touch: x: Read-only file system',
		'mkdir: can\'t create directory \'sub/d\': Read-only file system',
		'',
	].join('\n'));
});

test('what is written to a writable bind mount is in neither the context nor the image', async t => {
	await using project = await makeProject({
		Dockerfile: [
			'FROM base AS first',
			'RUN echo one > /file',
			'FROM base',
			'RUN --mount=target=/ctx,rw --mount=from=first,target=/first,rw echo two | tee /ctx/file /first/file; cat /ctx/file /first/file',
			'RUN --mount=from=first,target=/first cat /first/file; ls -d /ctx 2>&1 || true',
			'',
		].join('\n'),
	});
	const result = await project.build('-o', `type=local,dest=${project.directory}/out`);
	t.is(stepOutput(result.stderr, 'RUN --mount=target'), 'two\ntwo\ntwo\n');
	t.is(stepOutput(result.stderr, 'RUN --mount=from'), 'one\nls: /ctx: No such file or directory\n');
	await t.throwsAsync(readFile(path.join(project.context, 'file')), {code: 'ENOENT'});
	await t.throwsAsync(readFile(path.join(project.directory, 'out/ctx/file')), {code: 'ENOENT'});
});

test('a step with a bind mount runs again only when what it shows has changed', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=source=a,target=/a cat /a\n', a: 'one', b: 'one'});
	await project.build();
	await project.write({b: 'two'});
	const second = await project.build();
	t.regex(second.stderr, /RUN --mount.*\n#\d+ CACHED/v);
	await project.write({a: 'two'});
	const third = await project.build();
	t.is(stepOutput(third.stderr), 'two\n');
});

test('a link in the source of a mount leads nowhere else', async t => {
	await using project = await makeProject({
		Dockerfile: 'FROM base AS first\nRUN mkdir /d && echo inside > /secret && ln -s ../../../../secret /d/link\nFROM base\nRUN --mount=from=first,source=/d/link,target=/x cat /x\n',
	});
	const result = await project.build();
	t.is(stepOutput(result.stderr, 'RUN --mount'), 'inside\n');
});

test('a cache outlives the build, and belongs to its id, its owner and its first content', async t => {
	await using project = await makeProject({
		Dockerfile: [
			'FROM base AS first',
			'RUN mkdir /d && echo start > /d/f',
			'FROM base',
			'ARG RUN',
			'RUN --mount=type=cache,target=/c echo $RUN >> /c/f; cat /c/f',
			'RUN --mount=type=cache,target=/c/./ cat /c/f',
			'RUN --mount=type=cache,target=/other,id=/c cat /other/f',
			'RUN --mount=type=cache,target=/c,id=x ls /c',
			'RUN --mount=type=cache,target=/c,uid=5,gid=6,mode=0750 stat -c "%u:%g %a" /c; ls /c',
			'RUN --mount=type=cache,target=/c,from=first,source=d echo $RUN >> /c/f; cat /c/f',
			'RUN --mount=type=cache,target=/c,ro touch /c/x 2>&1; ls -d /c',
			'RUN ls -d /c 2>&1 || true',
		].join('\n'),
	});
	await project.build('--build-arg', 'RUN=1');
	const {stderr} = await project.build('--build-arg', 'RUN=2');
	const outputs = stderr.matchAll(/^#(?<step>\d+) \[stage-1 +\d+\/\d+\]/gmv).map(({groups}) => stepOutput(stderr, Number(groups!.step))).toArray();
	t.deepEqual(outputs, [
		'1\n2\n',
		'1\n2\n',
		'1\n2\n',
		'',
		'5:6 750\n',
		'start\n1\n2\n',
		'touch: /c/x: Read-only file system\n/c\n',
		'ls: /c: No such file or directory\n',
	]);
});

test('steps that lock a cache run one after the other, those with private ones each have their own', async t => {
	await using project = await makeProject({
		Dockerfile: [
			'FROM base AS begin',
			...Array.from({length: 4}, (_, index) => [
				`FROM base AS locked${index}`,
				`RUN --mount=type=cache,target=/c,id=l,sharing=locked mkdir /c/busy && echo ${index} >> /c/log && sleep 0.1 && rmdir /c/busy`,
			]).flat(),
			...Array.from({length: 4}, (_, index) => [
				`FROM base AS private${index}`,
				'RUN --mount=type=cache,target=/c,id=p,sharing=private --mount=type=cache,target=/s,id=s \\',
				`mkdir /c/busy && touch /s/${index} && while [ $(ls /s | wc -l) -lt 4 ]; do sleep 0.02; done; rmdir /c/busy`,
			]).flat(),
			'FROM base',
			...Array.from({length: 4}, (_, index) => `COPY --from=locked${index} /etc/passwd /\nCOPY --from=private${index} /etc/passwd /`),
			'RUN --mount=type=cache,target=/c,id=l sort /c/log',
		].join('\n'),
	});
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr, 'RUN --mount=type=cache,target=/c,id=l sort'), '0\n1\n2\n3\n');
});

test('a secret is a file or a variable in its step alone, and nowhere in the store', async t => {
	await using project = await makeProject({
		Dockerfile: [
			'FROM base',
			'RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = "$(printf hidden%s word)" && stat -c "%u:%g %a" /run/secrets/token',
			'RUN --mount=type=secret,id=token,target=t,mode=0444,uid=3,gid=4 --mount=type=secret,id=variable,env=V stat -c "%u:%g %a" /t; env | grep -c ^V=; touch /t 2>&1 || true',
			'RUN ls /run /t 2>&1 || true; echo "[$V]"',
		].join('\n'),
	});
	const file = path.join(project.directory, 'token');
	await writeFile(file, 'hiddenword');
	const built = await project.build('-t', 'app:1', '--secret', `id=token,src=${file}`, '--secret', 'id=variable,env=HOME', '--metadata-file', path.join(project.directory, 'metadata'));
	t.is(built.exitCode, 0, built.stderr);
	t.regex(built.stderr, /0:0 400\n/v);
	t.regex(built.stderr, /3:4 444\n#\d+ [\d.]+ 1\n#\d+ [\d.]+ touch: \/t: Read-only file system/v);
	t.regex(built.stderr, /\[\]/v);
	t.notRegex(built.stderr, /hiddenword/v);
	const search = spawnSync(...asNamespaceRoot('grep', ['-rlF', 'hiddenword', project.root, path.join(project.directory, 'metadata')]));
	t.is(search.status, 1, 'it has read all, and found nothing');
});

test('the cache of a step is listed and pruned with all else, but not while a step has it mounted', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c,id=mine echo kept >> /c/f; cat /c/f\n'});
	await project.build();
	const list = async () => {
		const {stdout} = await tsbuild(['du', '--format', 'json', '--filter', 'type=exec.cachemount'], {root: project.root});
		return Buffer.from(stdout).toString().split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>);
	};

	const [cache] = await list();
	t.like(cache, {Description: 'cached mount with id "/mine"', Mutable: true, Reclaimable: true});
	await project.write({Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c,id=mine echo busy; sleep 1000\n'});
	const running = project.start();
	await waitForText(running.stderr, ' busy\n');
	await tsbuild(['prune', '-a', '-f'], {root: project.root});
	const [used] = await list();
	t.like(used, {Reclaimable: false});
	running.kill('SIGKILL');
	await waitForExit(running);
	await tsbuild(['prune', '-a', '-f'], {root: project.root});
	t.deepEqual(await list(), []);
});
