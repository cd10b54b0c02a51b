import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import type {Finding} from '../../src/doctor/finding.ts';
import {asRoot} from '../support/conditions.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {testedProgram, tsbuild} from '../support/tsbuild.ts';

type ExamineOptions = {
	/** A command that runs the one behind it. */
	readonly prefix?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
};

const withoutMounting = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];

/** In a user namespace whose own limit of namespaces of a kind is none. */
function withLimit(kind: string): readonly string[] {
	const script = `echo 0 > /proc/sys/user/max_${kind}_namespaces && exec "$@"`;
	return ['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script, '-'];
}

type Report = {
	readonly exitCode: number | null;
	readonly findings: readonly Finding[];
};

test('where builds run, nothing is a fault, and nothing is left', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, findings} = await examine(path.join(directory.path, 'deep/store'));
	t.deepEqual(findings.filter(({status}) => status === 'fault'), []);
	t.is(exitCode, 0);
	t.like(find(findings, 'step'), {status: 'ok'});
	t.deepEqual(await readdir(directory.path), []);
});

test('a store that is there is left as it is', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await tsbuild(['images'], {root});
	const before = await readdir(root);
	const {exitCode} = await examine(root);
	t.is(exitCode, 0);
	t.deepEqual(await readdir(root), before);
});

test('the report is a line for each part and a verdict, without colours where no terminal is', async t => {
	await using directory = await makeTemporaryDirectory();
	const {stdout, exitCode} = await tsbuild(['doctor'], {root: directory.path});
	t.is(exitCode, 0);
	const report = new TextDecoder().decode(stdout);
	t.regex(report, /^ok {7}node {9}Node\.js /v);
	t.regex(report, /\nA build can run here(?:: \d warnings?)?\.\n$/v);
	t.false(report.includes('\u{1B}'));
});

asRoot('without CAP_SYS_ADMIN all is tried in a user namespace', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, findings} = await examine(directory.path, {prefix: withoutMounting});
	t.is(exitCode, 0);
	t.regex(find(findings, 'user').summary, /^root of a user namespace, rootless; outside of it 0/v);
	t.like(find(findings, 'step'), {status: 'ok'});
	t.deepEqual(await readdir(directory.path), []);
});

asRoot('without CAP_SYS_ADMIN and user namespaces no build can run, and one line says so', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, findings} = await examine(directory.path, {prefix: [...withLimit('user'), ...withoutMounting]});
	t.is(exitCode, 1);
	const faults = findings.filter(({status}) => status === 'fault');
	t.deepEqual(faults.map(({topic}) => topic), ['namespaces']);
	t.regex(faults.map(fault => JSON.stringify(fault)).join(','), /sysctl -w user.max_user_namespaces=\d/v);
});

test('a limit of other namespaces is told', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, findings} = await examine(directory.path, {prefix: withLimit('ipc')});
	t.is(exitCode, 1);
	t.like(find(findings, 'namespaces'), {status: 'fault', summary: 'refused: ipc (unshare: ENOSPC)'});
	t.like(find(findings, 'ids'), {status: 'warning'});
	t.regex(find(findings, 'ids').summary, /^1 of users, 1 of groups/v);
});

test('a place where no store can be is a fault', async t => {
	const {exitCode, findings} = await examine('/dev/null/store');
	t.is(exitCode, 1);
	t.like(find(findings, 'store'), {status: 'fault'});
	t.like(find(findings, 'snapshots'), {status: 'fault'});
});

asRoot('programs that are missing are named, with what they are for', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, findings} = await examine(directory.path, {environment: {PATH: '/nonexistent'}});
	t.is(exitCode, 0);
	const finding = find(findings, 'programs');
	t.like(finding, {status: 'warning', summary: 'git, ssh, bzip2, xz not found'});
	t.regex('advice' in finding ? finding.advice : '', /git for contexts and ADD from git repositories/v);
});

test('credentials that cannot be read are told without what is in the file, and proxies without passwords', async t => {
	await using directory = await makeTemporaryDirectory();
	const config = path.join(directory.path, 'config');
	await mkdir(config);
	await writeFile(path.join(config, 'config.json'), '{"auths": {"registry.test": {"auth": "c2VjcmV0"}},');
	const {findings} = await examine(path.join(directory.path, 'store'), {
		environment: {DOCKER_CONFIG: config, HTTPS_PROXY: 'https://user:secret@proxy.test:3128', HTTP_PROXY: 'http://[secret'},
	});
	t.like(find(findings, 'credentials'), {status: 'warning'});
	t.deepEqual(findings.filter(({topic}) => topic === 'proxy').map(({summary}) => summary), ['HTTP_PROXY is no address of a proxy', 'HTTPS_PROXY is proxy.test:3128']);
	t.notRegex(JSON.stringify(findings), /secret|c2VjcmV0/v);
});

test('a helper for credentials that is not installed is named', async t => {
	await using directory = await makeTemporaryDirectory();
	await writeFile(path.join(directory.path, 'config.json'), '{"credsStore": "nosuch"}');
	const {findings} = await examine(path.join(directory.path, 'store'), {environment: {DOCKER_CONFIG: directory.path}});
	t.regex(find(findings, 'credentials').summary, /names docker-credential-nosuch, which is not found$/v);
});

async function examine(root: string, {prefix = [], environment = {}}: ExamineOptions = {}): Promise<Report> {
	const command = [process.execPath, testedProgram, 'doctor', '--format', 'json', '--root', root];
	const child = spawn('/usr/bin/env', [...prefix, ...command], {env: {...process.env, ...environment}, stdio: ['ignore', 'pipe', 'inherit']});
	const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
	return {exitCode, findings: output.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Finding)};
}

function find(findings: readonly Finding[], topic: string): Finding {
	return findings.find(finding => finding.topic === topic)!;
}
