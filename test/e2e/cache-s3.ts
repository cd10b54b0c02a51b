import {
	glob,
	readFile,
	stat,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {executedSteps} from '../support/cache-machines.ts';
import {makeProject, type Project} from '../support/project.ts';
import {s3User, startS3Server, type TestS3Server} from '../support/s3-server.ts';

/*
Caches in a bucket of a real server of S3, between machines that share nothing else.
*/

let server: TestS3Server;

test.before('the server is started', async () => {
	server = await startS3Server('caches');
});

test.after.always('the server is stopped', async () => {
	await server[Symbol.asyncDispose]();
});

// What is random cannot be made twice: whoever has the same image has taken it.
const step = 'RUN cat /proc/sys/kernel/random/uuid > /random';
const dockerfile = `FROM base\n${step}\nRUN cat /random > /copy\n`;

function s3(attributes = ''): string {
	return `type=s3,bucket=caches,region=us-east-1,endpoint_url=${server.endpoint},use_path_style=true${attributes}`;
}

type Built = {readonly exitCode: number | null; readonly stderr: string; readonly configDigest: string};

/** Builds on a machine of its own, as a user of the bucket. */
async function buildOn(project: Project, name: string, {args, environment = s3User}: {readonly args: readonly string[]; readonly environment?: Readonly<Record<string, string>>}): Promise<Built> {
	const identity = path.join(project.directory, `${name}.id`);
	await writeFile(identity, '');
	const {exitCode, stderr} = await project.buildIn(environment, '--root', path.join(project.directory, name), '-o', `type=oci,dest=${identity}.tar`, '--iidfile', identity, ...args);
	return {exitCode, stderr, configDigest: await readFile(identity, 'utf8')};
}

test('a second machine builds nothing that the first one has written', async t => {
	// More than is sent in one request.
	await using project = await makeProject({Dockerfile: `${dockerfile}RUN head -c 9000000 /dev/urandom > /large\n`});
	const first = await buildOn(project, 'first', {args: ['--cache-to', s3(',prefix=two machines/,name=one;two,mode=max')]});
	t.is(first.exitCode, 0, first.stderr);
	t.regex(first.stderr, /^#\d+ exporting cache to Amazon S3$/mv);
	t.true(server.requests.some(request => /^PUT \/caches\/two machines\/blobs\/.*partNumber=2/v.test(request)));
	for (const name of ['one', 'two']) {
		const other = await buildOn(project, name, {args: ['--cache-from', s3(`,prefix=two machines/,name=${name}`)]});
		t.is(other.configDigest, first.configDigest);
		t.deepEqual(executedSteps(other.stderr), []);
		t.regex(other.stderr, /^#\d+ importing cache manifest from s3:\d+$/mv);
	}
});

test('layers that are there are not sent again, and old ones are made young', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const blobs = path.join(server.directory, 'caches/kept/blobs');
	const times = async () => {
		const files = await Array.fromAsync(glob(path.join(blobs, '*_object')));
		const found = await Promise.all(files.toSorted().map(async file => stat(file)));
		return found.map(({mtimeMs}) => mtimeMs);
	};

	const touched = async () => {
		const files = await Array.fromAsync(glob(path.join(blobs, '*_metadata.json')));
		const metadata = await Promise.all(files.map(async file => readFile(file, 'utf8')));
		return metadata.filter(text => text.includes('updated-at')).length;
	};

	await buildOn(project, 'machine', {args: ['--cache-to', s3(',prefix=kept/')]});
	const written = await times();
	t.not(written.length, 0);
	await buildOn(project, 'machine', {args: ['--cache-to', s3(',prefix=kept/')]});
	t.deepEqual(await times(), written);
	t.is(await touched(), 0);
	await buildOn(project, 'machine', {args: ['--cache-to', s3(',prefix=kept/,touch_refresh=1ns')]});
	t.is(await touched(), written.length);
});

test('a cache that is not there yet is an empty one', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN true\n'});
	const {exitCode, stderr} = await buildOn(project, 'machine', {args: ['--cache-from', s3(',name=none')]});
	t.is(exitCode, 0);
	t.notRegex(stderr, /ERROR|WARNING/v);
});

test('an object that is not its digest fails the build that needs it', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	await buildOn(project, 'first', {args: ['--cache-to', s3(',prefix=forged/')]});
	for await (const file of glob(path.join(server.directory, 'caches/forged/blobs/*_object'))) {
		const bytes = await readFile(file);
		await writeFile(file, bytes.fill(0, 0, 100));
	}

	const {exitCode, stderr} = await buildOn(project, 'second', {args: ['--cache-from', s3(',prefix=forged/')]});
	t.is(exitCode, 1);
	t.regex(stderr, /failed to verify sha256:\p{ASCII_Hex_Digit}+: the bucket has something else/v);
});

type Failure = {
	readonly attributes?: string;
	readonly environment?: Readonly<Record<string, string>>;
	readonly message: RegExp;
	readonly hint: RegExp;
};

const failure = test.macro({
	async exec(t, _: string, {attributes = '', environment = s3User, message, hint}: Failure) {
		await using project = await makeProject({Dockerfile: 'FROM base\nRUN true\n'});
		const cache = s3(attributes);
		const to = await buildOn(project, 'to', {args: ['--cache-to', cache], environment});
		t.is(to.exitCode, 1);
		t.regex(to.stderr, message);
		t.regex(to.stderr, hint);
		const ignored = await buildOn(project, 'ignored', {args: ['--cache-to', `${cache},ignore-error=true`], environment});
		t.is(ignored.exitCode, 0, ignored.stderr);
		t.true(ignored.stderr.includes('------\n > exporting cache to Amazon S3:\n------\n'));
		const from = await buildOn(project, 'from', {args: ['--cache-from', cache], environment});
		t.is(from.exitCode, 0, from.stderr);
		t.regex(from.stderr, /^#\d+ ERROR: failed to configure s3 cache importer: /mv);
		t.notRegex(to.stderr + ignored.stderr + from.stderr, /very secret/v);
	},
	title: (_, what: string) => `${what} fails the build that writes a cache, unless errors do not matter, and not one that reads`,
});

test(failure, 'a key that is none', {
	environment: {AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'very secret'},
	message: /^ERROR: failed to build: failed to solve: error writing layer blob: operation error S3: HeadObject, api error 403 Forbidden$/mv,
	hint: /^Check the access key, its secret, and whether they may read and write the bucket caches\.$/mv,
});
test(failure, 'a wrong secret', {
	environment: {...s3User, AWS_SECRET_ACCESS_KEY: 'very secret'},
	message: /api error 403 Forbidden$/mv,
	hint: /^Check the access key/mv,
});
test(failure, 'a bucket that is not there', {
	attributes: ',bucket=none',
	message: /operation error S3: PutObject, api error NoSuchBucket: The specified bucket does not exist$/mv,
	hint: /^Make the bucket none first/mv,
});
test(failure, 'a server that is not there', {
	attributes: ',endpoint_url=http://127.0.0.1:1',
	message: /error writing layer blob: Head "http:\/\/127\.0\.0\.1:1\/caches\/blobs\/.*": dial tcp 127\.0\.0\.1:1: connect: connection refused$/mv,
	hint: /^Check that a server listens at 127\.0\.0\.1:1\.$/mv,
});

test('who asks, and for which region, is taken from the files of AWS', async t => {
	await using project = await makeProject({
		Dockerfile: 'FROM base\nRUN true\n',
		'../credentials': `[ci]\naws_access_key_id = ${s3User.AWS_ACCESS_KEY_ID}\naws_secret_access_key = ${s3User.AWS_SECRET_ACCESS_KEY}\n`,
		'../config': `[profile ci]\nregion = us-east-1\nendpoint_url = ${server.endpoint}\n[profile sso]\nsso_session = mine\n`,
	});
	const files = {AWS_SHARED_CREDENTIALS_FILE: path.join(project.directory, 'credentials'), AWS_CONFIG_FILE: path.join(project.directory, 'config')};
	const args = ['--cache-to', 'type=s3,bucket=caches,prefix=files/,use_path_style=true'];
	const written = await buildOn(project, 'to', {args, environment: {...files, AWS_PROFILE: 'ci'}});
	t.is(written.exitCode, 0, written.stderr);
	const foreign = await buildOn(project, 'to', {args, environment: {...files, AWS_PROFILE: 'sso'}});
	t.is(foreign.exitCode, 1);
	t.regex(foreign.stderr, /^ERROR: .*: failed to configure s3 cache exporter: the profile sso takes its keys from sso_session, which is not supported\n.*--profile sso --format env/mv);
});

test('what the attributes lack is told before anything is built', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN true\n'});
	const environment = {...s3User, HOME: project.directory};
	const {exitCode, stderr} = await buildOn(project, 'to', {args: ['--cache-to', 'type=s3,region=us-east-1'], environment});
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: failed to solve: failed to configure s3 cache exporter: bucket \(\$AWS_BUCKET\) not set for s3 cache$/mv);
	t.deepEqual(executedSteps(stderr), []);
	const from = await buildOn(project, 'from', {args: ['--cache-from', 'type=s3,bucket=caches'], environment});
	t.is(from.exitCode, 0);
	t.regex(from.stderr, /^#\d+ ERROR: failed to configure s3 cache importer: region \(\$AWS_REGION\) not set for s3 cache$/mv);
});
