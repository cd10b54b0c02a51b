import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	readFileSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {testWhere} from '../support/conditions.ts';
import {makeProject, type Project} from '../support/project.ts';
import {
	copyPrograms,
	makeKey,
	hasSshServer,
	startSshServer,
	startUserAgent,
	type SshServer,
} from '../support/ssh-server.ts';
import {stepOutput} from '../support/step-output.ts';
import {tsbuild} from '../support/tsbuild.ts';

const sshTest = testWhere(hasSshServer(), 'it needs openssh-server');

/** A project on a base that has SSH and git. */
async function makeSshProject(lines: readonly string[]): Promise<Project> {
	const project = await makeProject({Dockerfile: ['FROM base', 'COPY --from=tools / /', 'RUN mkdir -p /etc /tmp && echo root:x:0:0:root:/root:/bin/sh > /etc/passwd', ...lines].join('\n')});
	copyPrograms(path.join(project.directory, 'tools'), ['/usr/bin/ssh', '/usr/bin/ssh-add', '/usr/bin/git']);
	return project;
}

/** The public key of a private one, without a comment. */
function publicKeyOf(key: string): string {
	return readFileSync(`${key}.pub`, 'utf8').trim();
}

const trust = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR';

// The server listens on the host's loopback.
const hostNetwork = ['--allow', 'network.host'];

function cloneLine({repositoryUrl}: SshServer, options = ''): string {
	return `RUN --network=host --mount=type=ssh${options} GIT_SSH_COMMAND='ssh ${trust}' git clone -q --template= ${repositoryUrl} /app && cat /app/file`;
}

sshTest('a step clones a repository with the agent of the user', async t => {
	await using server = await startSshServer();
	await using agent = await startUserAgent(server.directory, [server.key]);
	await using project = await makeSshProject([cloneLine(server)]);
	const tools = ['--build-context', `tools=${project.directory}/tools`, ...hostNetwork];
	const built = await project.buildIn({SSH_AUTH_SOCK: agent.socket}, ...tools, '--ssh', 'default');
	t.is(built.exitCode, 0, built.stderr);
	t.is(stepOutput(built.stderr), 'content\n');
	const without = await project.buildIn({SSH_AUTH_SOCK: agent.socket}, ...tools, '--no-cache');
	t.is(without.exitCode, 1);
	t.regex(without.stderr, /Permission denied \(publickey\)/v);
});

const serves = test.macro({
	async exec(t, parameters: readonly string[]) {
		await using server = await startSshServer();
		const key = makeKey(path.join(server.directory, 'other'), ...parameters);
		writeFileSync(path.join(server.directory, 'authorized-keys'), publicKeyOf(key));
		await using project = await makeSshProject([cloneLine(server, ',id=mine'), 'RUN --mount=type=ssh,id=mine ssh-add -L']);
		const built = await project.build('--build-context', `tools=${project.directory}/tools`, ...hostNetwork, '--ssh', `mine=${key}`);
		t.is(built.exitCode, 0, built.stderr);
		t.is(stepOutput(built.stderr).trim(), publicKeyOf(key));
	},
	title: (description: string | undefined) => `a step clones a repository with a key of ${description ?? ''}`,
});

sshTest('Ed25519', serves, []);
sshTest('RSA', serves, ['-t', 'rsa', '-b', '2048']);
sshTest('RSA in the format of OpenSSL', serves, ['-t', 'rsa', '-b', '2048', '-m', 'PEM']);
sshTest('ECDSA', serves, ['-t', 'ecdsa', '-b', '256']);
sshTest('ECDSA of 521 bits in PKCS 8', serves, ['-t', 'ecdsa', '-b', '521', '-m', 'PKCS8']);

sshTest('a step may use an agent, but neither change nor lock it', async t => {
	await using server = await startSshServer();
	await using agent = await startUserAgent(server.directory, [server.key]);
	await using project = await makeSshProject([
		'COPY other* /',
		'RUN --mount=type=ssh chmod 600 /other; for action in /other -D "-d /other"; do ssh-add $action 2>&1; done; ssh-add -L',
	]);
	makeKey(path.join(project.context, 'other'));
	const built = await project.build('--build-context', `tools=${project.directory}/tools`, '--ssh', `default=${agent.socket}`);
	t.is(built.exitCode, 0, built.stderr);
	const output = stepOutput(built.stderr);
	const refusals = ['Could not add identity "/other": agent refused operation', 'Failed to remove all identities.', 'Could not remove identity "/other": agent refused operation'];
	t.deepEqual(output.split('\n', 3), refusals);
	t.true(output.includes(`${publicKeyOf(server.key)} `), output);
	t.regex(execFileSync('ssh-add', ['-L'], {env: {SSH_AUTH_SOCK: agent.socket}, encoding: 'utf8'}), /^ssh-ed25519 \S+ .*\n$/v);
});

sshTest('sockets are where the mounts say, with the modes and owners that they say, and in no layer', async t => {
	await using server = await startSshServer();
	const two = 'type=ssh,id=two,target=/two/sock,mode=0666,uid=3,gid=4,required';
	await using project = await makeProject({
		Dockerfile: [
			'FROM base',
			`RUN --mount=type=ssh --mount=${two} --mount=type=ssh,id=three,uid=5 stat -c "%u:%g %a %F %n" /run/buildkit/ssh_agent.0 /two/sock /run/buildkit/ssh_agent.2; echo $SSH_AUTH_SOCK`,
			'RUN --mount=type=ssh,target=/mine echo $SSH_AUTH_SOCK',
			'ENV SSH_AUTH_SOCK=/own',
			'RUN --mount=type=ssh echo $SSH_AUTH_SOCK',
			'RUN ls -d /run/buildkit /two /mine 2>&1 || true',
		].join('\n'),
	});
	const {exitCode, stderr} = await project.build('-o', `type=local,dest=${project.directory}/out`, ...['default', 'two', 'three'].flatMap(id => ['--ssh', `${id}=${server.key}`]));
	t.is(exitCode, 0, stderr);
	t.is(stepOutput(stderr, 'id=two'), [
		'0:0 600 socket /run/buildkit/ssh_agent.0',
		'3:4 666 socket /two/sock',
		'5:0 600 socket /run/buildkit/ssh_agent.2',
		'/run/buildkit/ssh_agent.0',
		'',
	].join('\n'));
	t.is(stepOutput(stderr, 'target=/mine'), '/mine\n');
	t.is(stepOutput(stderr, 'RUN --mount=type=ssh echo'), '/own\n');
	t.is(stepOutput(stderr, 'RUN ls'), 'ls: /run/buildkit: No such file or directory\nls: /two: No such file or directory\nls: /mine: No such file or directory\n');
	t.false(existsSync(path.join(project.directory, 'out/run/buildkit')));
});

sshTest('the user of a step can use a socket that is theirs, and no other', async t => {
	await using server = await startSshServer();
	await using project = await makeSshProject([
		'RUN echo user:x:7:7::/:/bin/sh >> /etc/passwd',
		'USER user',
		'RUN --mount=type=ssh,uid=7 ssh-add -L',
		'RUN --mount=type=ssh ssh-add -L 2>&1 || true',
	]);
	const {stderr} = await project.build('--build-context', `tools=${project.directory}/tools`, '--ssh', `default=${server.key}`);
	t.is(stepOutput(stderr, 'uid=7').trim(), publicKeyOf(server.key));
	t.regex(stepOutput(stderr, 'RUN --mount=type=ssh ssh-add'), /Permission denied/v);
});

sshTest('a step runs again with neither another agent nor another key', async t => {
	await using server = await startSshServer();
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=ssh date\n'});
	await project.build('--ssh', `default=${server.key}`);
	const {stderr} = await project.build('--ssh', `default=${makeKey(path.join(server.directory, 'other'))}`);
	t.regex(stderr, /RUN --mount.*\n#\d+ CACHED/v);
});

sshTest('an agent that is gone ends no build by itself', async t => {
	await using server = await startSshServer();
	await using project = await makeSshProject(['RUN --mount=type=ssh ssh-add -L 2>&1 || echo failed with $?']);
	const agent = await startUserAgent(server.directory, [server.key]);
	const dead = path.join(server.directory, 'dead.sock');
	execFileSync('cp', ['-a', agent.socket, dead]);
	await agent[Symbol.asyncDispose]();
	const {exitCode, stderr} = await project.build('--build-context', `tools=${project.directory}/tools`, '--ssh', `default=${dead}`);
	t.is(exitCode, 0, stderr);
	// Its connection ends before it has asked, which can be its own end: by SIGPIPE, without a word.
	t.regex(stepOutput(stderr), /failed with (?:1|2|141)$/mv);
});

const refuses = test.macro<[args: (directory: string) => readonly string[], message: RegExp]>(async (t, args, message) => {
	await using project = await makeProject({Dockerfile: 'FROM base\n'});
	makeKey(path.join(project.directory, 'key'));
	makeKey(path.join(project.directory, 'locked'), '-N', 'words');
	makeKey(path.join(project.directory, 'locked-pem'), '-N', 'words', '-t', 'rsa', '-m', 'PEM');
	const {exitCode, stderr} = await project.buildIn({SSH_AUTH_SOCK: ''}, ...args(project.directory).flatMap(value => ['--ssh', value]));
	t.is(exitCode, 1);
	t.regex(stderr, message);
});

sshTest('a key with a passphrase is refused', refuses, directory => [`default=${directory}/locked`], /failed to parse .*: ssh: this private key is passphrase protected\nAdd it to an agent/v);
sshTest('a key with a passphrase in the format of OpenSSL is refused', refuses, directory => [`default=${directory}/locked-pem`], /ssh: this private key is passphrase protected/v);
sshTest('an agent is given once', refuses, directory => [`a=${directory}/key`, `a=${directory}/key`], /ERROR: failed to build: duplicate agent ID "a"/v);
sshTest('a public key is no private one', refuses, directory => [`default=${directory}/key.pub`], /ssh: no key found/v);
sshTest('a directory is no key', refuses, directory => [`default=${directory}`], /failed to read .*: EISDIR/v);

sshTest('ADD takes a repository over SSH with the default agent, and no other way', async t => {
	await using server = await startSshServer();
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.repositoryUrl} /app\n`});
	const built = await project.build('--ssh', `default=${server.key}`, '-o', path.join(project.directory, 'out'));
	t.is(built.exitCode, 0, built.stderr);
	t.is(readFileSync(path.join(project.directory, 'out/app/file'), 'utf8'), 'content\n');
	const without = await project.buildIn({SSH_AUTH_SOCK: '/nowhere'});
	t.is(without.exitCode, 1);
	t.regex(without.stderr, /unset ssh forward key default/v);
});

sshTest('a context that is fetched by SSH has the agent of the user unasked', async t => {
	await using server = await startSshServer();
	await using agent = await startUserAgent(server.directory, [server.key]);
	await using project = await makeProject({});
	const context = server.repositoryUrl;
	const build = async (socket: string) => tsbuild(['build', '-o', path.join(project.directory, 'out'), context], {root: project.root, env: {SSH_AUTH_SOCK: socket}});
	const built = await build(agent.socket);
	t.is(built.exitCode, 0, built.stderr);
	t.is(readFileSync(path.join(project.directory, 'out/file'), 'utf8'), 'content\n');
	const without = await build('');
	t.regex(without.stderr, /invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set/v);
});

sshTest('a host that the user knows must be the one that it was, and nobody is made known', async t => {
	await using server = await startSshServer();
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.repositoryUrl} /app\n`});
	const home = path.join(project.directory, 'home');
	const knownHosts = path.join(home, '.ssh/known_hosts');
	mkdirSync(path.dirname(knownHosts), {recursive: true});
	const build = async (known: string) => {
		writeFileSync(knownHosts, known);
		return project.buildIn({HOME: home}, '--ssh', `default=${server.key}`, '--no-cache');
	};

	const right = await build(server.knownHost);
	t.is(right.exitCode, 0, right.stderr);
	const unknown = await build('');
	t.is(unknown.exitCode, 0, unknown.stderr);
	t.is(readFileSync(knownHosts, 'utf8'), '');
	const wrong = await build(`[127.0.0.1]:${server.port} ${publicKeyOf(server.key)}\n`);
	t.is(wrong.exitCode, 1);
	t.regex(wrong.stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/v);
});

sshTest('neither a key nor its socket is left in the store', async t => {
	await using server = await startSshServer();
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=ssh true\n'});
	await project.build('--ssh', `default=${server.key}`);
	const [, part = ''] = readFileSync(server.key, 'utf8').split('\n', 2);
	t.throws(() => execFileSync('grep', ['-rqF', part, project.root]));
	t.is(Buffer.from(execFileSync('find', [project.root, '-type', 's'])).toString(), '');
});
