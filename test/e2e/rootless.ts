import {Buffer} from 'node:buffer';
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {
	cp,
	mkdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type {Readable} from 'node:stream';
import {setImmediate} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {makeTemporaryBaseImage} from '../support/base-image.ts';
import {testWhere} from '../support/conditions.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {
	makeRootlessUser,
	type RootlessResult,
	type RootlessRun,
	type RootlessUser,
} from '../support/rootless-user.ts';
import {testedProgram, tsbuild} from '../support/tsbuild.ts';

const rootlessTest = testWhere(process.getuid?.() === 0 && findHostProgram('newuidmap') !== undefined, 'it needs root, to become another user, and newuidmap');

/** A context of an ordinary user, who builds it. */
type RootlessProject = AsyncDisposable & {
	readonly user: RootlessUser;
	readonly base: string;
	readonly context: string;
	/** Where the user's images are. */
	readonly store: string;
	/** Builds without a network, which has tests of its own. */
	build(args?: readonly string[], run?: RootlessRun): Promise<RootlessResult>;
};

rootlessTest('an image is the same as that of root, byte for byte, and a second build takes all from the cache', async t => {
	await using project = await makeRootlessProject(everything);
	await addSetcap(project.context);
	const archive = path.join(project.user.home, 'image.tar');
	const output = (file: string) => ['-t', 'app:1', '-o', `type=oci,rewrite-timestamp=true,dest=${file}`];
	const first = await project.build(output(archive));
	t.is(first.exitCode, 0, first.stderr);
	const second = await project.build(output(`${archive}.2`));
	t.is(second.exitCode, 0, second.stderr);
	t.notRegex(second.stderr, /^#\d+ \d+\.\d+ /mv);
	t.is(await digestOfFile(`${archive}.2`), await digestOfFile(archive));

	const ofRoot = path.join(project.base, '../root.tar');
	const root = await tsbuild(['build', '--progress', 'plain', '--network', 'none', '--build-context', `base=oci-layout://${project.base}`, ...output(ofRoot), project.context], {
		root: path.join(project.base, '../root-store'), env: {SOURCE_DATE_EPOCH: '1000000000'},
	});
	t.is(root.exitCode, 0, root.stderr);
	t.is(await digestOfFile(ofRoot), await digestOfFile(archive));
});

const everything = `FROM base AS build
COPY tools /tools
RUN mkdir -p /tree/gone /tree/replaced && echo old > /tree/replaced/old && echo gone > /tree/gone/file
RUN rm -r /tree/gone && rm -r /tree/replaced && mkdir /tree/replaced && echo new > /tree/replaced/new
RUN cp /bin/busybox /tree/ping && /tools/run /tools/setcap cap_net_raw+ep /tree/ping
RUN cp /bin/busybox /tree/program && chmod 4755 /tree/program && ln /tree/program /tree/link && mkfifo /tree/fifo && ln -s program /tree/symbolic
RUN touch /tree/last && chown 65535:65535 /tree/last && chmod 0 /tree/last && chown 12:34 /tree/link
COPY --chown=1000:1000 --chmod=640 file /tree/owned
FROM base
COPY --from=build /tree /tree
COPY --from=build --chown=5:6 /tree/replaced /chowned
USER 1000:1000
WORKDIR /home/user
RUN id -u > id && id -G >> id && cat /tree/owned >> id
`;

rootlessTest('a step is root of its own namespace, and of nothing else', async t => {
	await using project = await makeRootlessProject(String.raw`FROM base
RUN echo "map $(tr -s ' ' < /proc/self/uid_map | tr '\n' ';')"
RUN mknod /device c 1 3 || echo no device
RUN echo x > /dev/null && ! chmod 600 /dev/null && ! chown 1:1 /dev/null && echo null is safe
RUN touch /dev/shm/x && test -c /dev/ptmx && test -d /dev/mqueue && echo x > /dev/stdout
RUN ! touch /sys/x && ! echo 0 > /proc/sys/kernel/hostname && ! mount -t tmpfs x /mnt && echo read-only
`);
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
	t.regex(result.stderr, new RegExp(String.raw`map  0 ${project.user.id} 1; 1 \d+ 65536;`, 'v'));
	for (const line of ['no device', 'null is safe', 'read-only']) {
		t.regex(result.stderr, new RegExp(String.raw`^#\d+ [\d.]+ ${line}$`, 'mv'));
	}

	t.notRegex(result.stderr, /WARNING/v);
});

rootlessTest('limits without a cgroup are left out, with one line', async t => {
	await using project = await makeRootlessProject('FROM base\nRUN true\nRUN true\n');
	const result = await project.build(['--memory', '100m', '--cpus', '1']);
	t.is(result.exitCode, 0, result.stderr);
	t.is(result.stderr.match(/RUN steps run without limits/gv)?.length, 1);
});

rootlessTest('the store is the user\'s own, other commands use it, and prune empties it', async t => {
	await using project = await makeRootlessProject('FROM base\nRUN mkdir /a && touch /a/b && chown -R 7:7 /a && chmod 700 /a\n');
	const {user, store} = project;
	const archive = path.join(user.home, 'app.tar');
	await succeed(t, project.build(['-t', 'app:1']));
	t.regex(await succeed(t, user.tsbuild(['images'])), /^app +1 /mv);
	await succeed(t, user.tsbuild(['save', 'app:1', '-o', archive]));
	await succeed(t, user.tsbuild(['rmi', 'app:1']));
	const input = await readFile(archive);
	t.is(await succeed(t, user.tsbuild(['load'], {input})), 'Loaded image: app:1\n');
	await succeed(t, user.tsbuild(['rmi', 'app:1']));
	await succeed(t, user.tsbuild(['prune', '--all', '--force']));
	t.is(execFileSync('find', [path.join(store, 'snapshots'), '-mindepth', '1'], {encoding: 'utf8'}), '');
	t.is(execFileSync('find', [user.home, '!', '-user', String(user.id)], {encoding: 'utf8'}), '');
});

rootlessTest('commands that need no store need no namespace, and a missing unshare is told', async t => {
	await using user = await makeRootlessUser();
	const run = {through: ['env', 'PATH=/nowhere']};
	t.regex(await succeed(t, user.tsbuild(['build', '--help'], run)), /Usage/v);
	const result = await user.tsbuild(['images'], run);
	t.is(result.exitCode, 1);
	t.regex(result.stderr, /^ERROR: failed to run without root in a user namespace: unshare is not installed\nInstall util-linux\.$/mv);
});

const withoutCapabilities = ['setpriv', '--bounding-set=-all', '--'];

rootlessTest('a machine without user namespaces is told what to change', async t => {
	await using user = await makeRootlessUser();
	const through = ['unshare', '--user', '--map-root-user', '--', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh', ...withoutCapabilities];
	const result = await user.tsbuild(['images'], {through});
	t.is(result.exitCode, 1);
	t.regex(result.stderr, /^ERROR: failed to run without root in a user namespace: unshare: .*\nUser namespaces are turned off here: as root, sysctl -w user\.max_user_namespaces=15000\.\n$/v);
});

type IdCase = {readonly dockerfile: string; readonly subordinateIds: number; readonly expected: readonly RegExp[]};

const failsForIds = rootlessTest.macro({
	async exec(t: ExecutionContext, {dockerfile, subordinateIds, expected}: IdCase) {
		await using project = await makeRootlessProject(`FROM base\n${dockerfile}\n`, subordinateIds);
		const result = await project.build();
		t.is(result.exitCode, 1);
		for (const pattern of expected) {
			t.regex(result.stderr, pattern);
		}
	},
	title: (_, {dockerfile, subordinateIds}) => `with ${subordinateIds} subordinate IDs it is told why this fails: ${dockerfile.replaceAll('\n', '; ')}`,
});

const tooLarge = /^IDs up to 65536 are there: add a larger range/mv;
const single = /^Steps have one user and one group here: \/etc\/subuid has no IDs for this user\. .*usermod --add-subuids/mv;

rootlessTest(failsForIds, {
	dockerfile: 'COPY --chown=70000 file /x\nRUN true',
	subordinateIds: 65_536,
	expected: [/failed to apply layer entry x: failed to change owner: EINVAL \(user 70000 is not among/v, tooLarge],
});
rootlessTest(failsForIds, {dockerfile: 'USER 5:70000\nRUN true', subordinateIds: 65_536, expected: [/failed to set user 5: group 70000 is not among/v, tooLarge]});
rootlessTest(failsForIds, {dockerfile: 'COPY --chown=5 file /x\nRUN true', subordinateIds: 0, expected: [/user 5 is not among the IDs that this user has/v, single]});
rootlessTest(failsForIds, {dockerfile: 'RUN touch /x && chown 5 /x', subordinateIds: 0, expected: [/exit code: 1/v, single]});
rootlessTest(failsForIds, {dockerfile: 'USER daemon\nRUN true', subordinateIds: 0, expected: [/failed to set user 1: user 1 is not among/v, single]});

rootlessTest('with one ID alone, an image of root\'s files is built, and others can be copied into it', async t => {
	await using project = await makeRootlessProject('FROM base\nRUN id -u > /id && mkdir /d && rm -r /var\nCOPY --chown=5:6 file /owned\n', 0);
	const result = await project.build(['-o', `type=tar,dest=${project.user.home}/root.tar`, '-t', 'app:1']);
	t.is(result.exitCode, 1);
	t.regex(result.stderr, single);
	const saved = await project.build(['-o', `type=oci,dest=${project.user.home}/image.tar`]);
	t.is(saved.exitCode, 0, saved.stderr);
});

rootlessTest('two builds at once use one store', async t => {
	await using project = await makeRootlessProject('FROM base\nARG n\nRUN echo $n > /n && sleep 0.2\n');
	const results = await Promise.all(['1', '2', '3'].map(async number => project.build(['--build-arg', `n=${number}`])));
	t.deepEqual(results.map(({exitCode}) => exitCode), [0, 0, 0], results.map(({stderr}) => stderr).join(''));
});

rootlessTest('a context comes on standard input', async t => {
	await using project = await makeRootlessProject('FROM base\nCOPY file /file\nRUN test "$(cat /file)" = text\n');
	const result = await project.build(['-'], {input: execFileSync('tar', ['-c', '-C', project.context, '.'])});
	t.is(result.exitCode, 0, result.stderr);
});

type Ending = {readonly send: (processId: number) => void; readonly exitCode: number | null; readonly stderr: RegExp};

const endsEverything = rootlessTest.macro(async (t: ExecutionContext, {send, exitCode, stderr}: Ending) => {
	await using project = await makeRootlessProject('FROM base\nRUN trap "" TERM INT; echo started; sleep 600 & sleep 600; sleep 600\n');
	const child = project.user.start(['build', '--progress', 'plain', '--network', 'none', '--build-context', `base=oci-layout://${project.base}`, project.context]);
	const ended = once(child, 'close') as Promise<[number | null]>;
	const output = collectText(child.stderr!);
	await output.reaches(/^#\d+ [\d.]+ started$/mv);
	send(child.pid!);
	const [code] = await ended;
	t.is(code, exitCode);
	t.regex(output.text(), stderr);
	t.true((output.text().match(/^ERROR: /gmv) ?? []).length <= 1, output.text());
	await assertNothingLeft(t, project.store);
});

const canceled = /^ERROR: failed to build: failed to solve: Canceled: context canceled$/mv;

rootlessTest('SIGTERM cancels a build', endsEverything, {
	send(processId) {
		process.kill(processId, 'SIGTERM');
	}, exitCode: 130, stderr: canceled,
});

rootlessTest('Ctrl-C at a terminal, which all processes of the group get, cancels a build once', endsEverything, {
	send(processId) {
		process.kill(-processId, 'SIGINT');
	}, exitCode: 130, stderr: canceled,
});

rootlessTest('SIGKILL ends the step, and nothing is left', endsEverything, {
	send(processId) {
		process.kill(processId, 'SIGKILL');
	}, exitCode: null, stderr: /started/v,
});

rootlessTest('Ctrl-Z at a terminal stops the build until it is told to go on', async t => {
	// A number of seconds that nobody else sleeps for.
	const seconds = 1_000_000 + Math.floor(Math.random() * 1_000_000_000);
	await using project = await makeRootlessProject(`FROM base\nRUN echo started; sleep ${seconds}; echo done\n`);
	// In a job of its own, as shells have it: nothing else is stopped by that signal.
	const [shell, ...words] = project.user.as(['bash', '-c', 'set -m; "$@" & echo $!; wait -f %1', 'bash', process.execPath, testedProgram, 'build', '--progress', 'plain', '--network', 'none', '--build-context', `base=oci-layout://${project.base}`, project.context]);
	const child = spawn(shell, words, {cwd: '/', env: {PATH: process.env.PATH, HOME: project.user.home}, stdio: ['ignore', 'pipe', 'pipe']});
	const ended = once(child, 'close') as Promise<[number | null]>;
	const [first] = await once(child.stdout, 'data') as [Uint8Array];
	const job = Number(Buffer.from(first).toString());
	const output = collectText(child.stderr);
	await output.reaches(/^#\d+ [\d.]+ started$/mv);
	let sleeping = findProcess(`sleep ${seconds}`);
	while (sleeping === 0) {
		sleeping = findProcess(`sleep ${seconds}`);
	}

	process.kill(-job, 'SIGTSTP');
	while (statesOf(job).join('') !== 'TTT') {
		await setImmediate();
	}

	process.kill(job, 'SIGCONT');
	process.kill(sleeping, 'SIGTERM');
	const [code] = await ended;
	t.is(code, 0, output.text());
	t.regex(output.text(), /^#\d+ [\d.]+ done$/mv);
});

/** The number of the process with this command line; 0 when there is none. */
function findProcess(command: string): number {
	return Number(spawnSync('pgrep', ['-xf', command], {encoding: 'utf8'}).stdout);
}

/** Of all processes of a job, as in /proc: `T` is stopped. */
function statesOf(job: number): readonly string[] {
	return execFileSync('ps', ['-o', 'state=', '-o', 'pgid=', '-e'], {encoding: 'utf8'})
		.split('\n')
		.filter(line => line.endsWith(` ${job}`))
		.map(line => line.slice(0, 1));
}

/** Waits for a command that must not fail; gives back its standard output. */
async function succeed(t: ExecutionContext, running: Promise<RootlessResult>): Promise<string> {
	const {exitCode, stdout, stderr} = await running;
	t.is(exitCode, 0, stderr);
	return stdout;
}

function collectText(stream: Readable) {
	let collected = '';
	stream.setEncoding('utf8').on('data', (piece: string) => {
		collected += piece;
	});
	return {
		text: () => collected,
		async reaches(pattern: RegExp): Promise<void> {
			while (!pattern.test(collected)) {
				await once(stream, 'data');
			}
		},
	};
}

async function digestOfFile(file: string): Promise<string> {
	return digestOf(await readFile(file));
}

async function makeRootlessProject(dockerfile: string, subordinateIds?: number): Promise<RootlessProject> {
	await using cleanup = new AsyncDisposableStack();
	const user = cleanup.use(await makeRootlessUser(subordinateIds === undefined ? {} : {subordinateIds}));
	const image = cleanup.use(await makeTemporaryBaseImage());
	const base = path.join(user.home, 'base');
	await cp(image.directory, base, {recursive: true});
	const context = path.join(user.home, 'context');
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), dockerfile);
	await writeFile(path.join(context, 'file'), 'text\n');
	await user.own(user.home);
	const kept = cleanup.move();
	return {
		user,
		base,
		context,
		store: path.join(user.home, '.local/share/tsbuild'),
		async build(args = [], {env, ...run} = {}) {
			const place = args.at(-1) === '-' ? [] : [context];
			return user.tsbuild(['build', '--progress', 'plain', '--network', 'none', '--build-context', `base=oci-layout://${base}`, ...args, ...place], {...run, env: {SOURCE_DATE_EPOCH: '1000000000', ...env}});
		},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

/** Puts setcap of the host into a context, with its libraries and what starts it there. */
async function addSetcap(context: string): Promise<void> {
	const tools = path.join(context, 'tools');
	await mkdir(tools);
	const libraries = execFileSync('ldd', ['/sbin/setcap'], {encoding: 'utf8'}).match(/\/\S+/gv) ?? [];
	for (const file of ['/sbin/setcap', ...libraries]) {
		await cp(file, path.join(tools, path.basename(file)), {dereference: true});
	}

	const loader = path.basename(libraries.find(file => file.includes('/ld-linux'))!);
	await writeFile(path.join(tools, 'run'), `#!/bin/sh\nexec /tools/${loader} --library-path /tools "$@"\n`, {mode: 0o755});
}
