import test from 'ava';
import fc from 'fast-check';
import {describeStep, isSecretLike} from '../../../src/build/explain/step-description.ts';
import type {CopyAction, ExecOperation, Operation} from '../../../src/definition/operations.ts';

const platform = {os: 'linux', architecture: 'amd64'} as const;

const exec: ExecOperation = {
	kind: 'exec',
	root: 0,
	args: ['/bin/sh', '-c', 'make'],
	env: ['PATH=/bin', 'A=1'],
	cwd: '/',
	user: '',
	network: 'default',
	security: 'sandbox',
	mounts: [{
		type: 'bind', input: 1, source: '/', target: '/m', readOnly: true,
	}],
	platform,
};

const copy: CopyAction = {
	action: 'copy',
	input: 1,
	source: '/a',
	destination: '/b/',
	allowWildcard: true,
	allowEmptyWildcard: true,
	directoryContentsOnly: true,
	createDestinationPath: true,
	followSymlinks: true,
	attemptUnpack: false,
	keepParents: false,
	include: [],
	exclude: [],
};

const file = (...actions: Array<Partial<CopyAction>>): Operation => ({
	kind: 'file', root: 0, actions: actions.map(action => ({...copy, ...action})), platform,
});

const withSecret = (id: string): Operation => ({
	...exec, mounts: [{
		type: 'secret', id, isRequired: true, mode: 0, uid: 0, gid: 0,
	}],
});

const tellsApart = test.macro<[left: Operation, right: Operation]>({
	exec(t, left, right) {
		t.notDeepEqual(describeStep(left).parts, describeStep(right).parts);
	},
	title: (what = '') => `a description tells ${what}`,
});

test('a command', tellsApart, exec, {...exec, args: ['/bin/sh', '-c', 'make all']});
test('a shell form from an exec form of other words', tellsApart, exec, {...exec, args: ['make', 'make']});
test('a variable', tellsApart, exec, {...exec, env: ['PATH=/bin', 'A=2']});
test('a variable that is missing', tellsApart, exec, {...exec, env: ['PATH=/bin']});
test('a directory', tellsApart, exec, {...exec, cwd: '/a'});
test('a user', tellsApart, exec, {...exec, user: '1'});
test('a network', tellsApart, exec, {...exec, network: 'none'});
test('a security mode', tellsApart, exec, {...exec, security: 'insecure'});
test('a mount', tellsApart, exec, {...exec, mounts: []});
test('a secret by its id', tellsApart, withSecret('a'), withSecret('b'));
test('a platform', tellsApart, exec, {...exec, platform: {os: 'linux', architecture: 'arm64'}});
test('a host', tellsApart, exec, {...exec, extraHosts: [{name: 'a', address: '192.0.2.1'}]});
test('a ulimit', tellsApart, exec, {...exec, ulimits: [{name: 'nofile', soft: '1', hard: '2'}]});
test('the memory to share', tellsApart, exec, {...exec, sharedMemory: 1});
test('a source', tellsApart, file({}), file({source: '/c'}));
test('a destination', tellsApart, file({}), file({destination: '/c/'}));
test('how many sources there are', tellsApart, file({}), file({}, {}));
test('an owner', tellsApart, file({}), file({owner: '1'}));
test('a mode', tellsApart, file({}), file({mode: '0644'}));
test('what is excluded', tellsApart, file({}), file({exclude: ['*.md']}));
test('what is included', tellsApart, file({}), file({include: ['*.md']}));
test('ADD from COPY', tellsApart, file({}), file({attemptUnpack: true}));
test('--parents', tellsApart, file({}), file({keepParents: true}));
test('whether links are followed', tellsApart, file({}), file({followSymlinks: false}));

test('two cache mounts that differ in what is in no key are the same', t => {
	const withCache = (id: string, sharing: 'locked' | 'shared'): Operation => ({
		...exec, mounts: [{
			type: 'cache', id, sharing, input: null, content: null, source: '', target: '/c', readOnly: false,
		}],
	});
	t.deepEqual(describeStep(withCache('a', 'shared')), describeStep(withCache('b', 'locked')));
});

test('where files are copied does not depend on the platform, as their key does not', t => {
	t.deepEqual(describeStep(file({})), describeStep({
		kind: 'file', root: 0, actions: [copy], platform: {os: 'linux', architecture: 'arm64'},
	}));
});

test('mounts are told by where they are, in the words of their flags', t => {
	const {parts} = describeStep({
		...exec,
		mounts: [
			...exec.mounts,
			{
				type: 'secret', id: 'one', environmentName: 'TOKEN', isRequired: true, mode: 0o400, uid: 0, gid: 7,
			},
			{
				type: 'bind', input: 2, source: '/other', target: '/m', readOnly: false,
			},
		],
	});
	t.like(parts, {
		'--mount /m': 'type=bind,source=/,readonly=true and type=bind,source=/other,readonly=false',
		'--mount $TOKEN': 'type=secret,id=one,env=TOKEN,required=true,mode=0400,uid=0,gid=7',
	});
});

test('what --parents keeps of a path is told', t => {
	const sources = (...copies: Array<Partial<CopyAction>>) => describeStep(file(...copies)).parts.sources;
	t.is(sources({source: '/', include: ['a/*.go']}, {source: '/b/c', include: ['**']}), 'a/*.go c/./**');
	t.is(sources({source: '/a/b'}, {source: '/c/b'}), 'b b');
});

const secretNames = test.macro<[name: string, value: string, isSecret: boolean]>({
	exec(t, name, value, isSecret) {
		t.is(isSecretLike(name, value), isSecret);
		const text = JSON.stringify(describeStep({...exec, env: [`${name}=${value}`]}));
		t.is(text.includes(value), !isSecret);
	},
	title: (_, name, value, isSecret) => `the value of ${name}=${value} is ${isSecret ? 'not kept' : 'kept'}`,
});

const secretLike = [
	'API_KEY',
	'apikey',
	'NPM_TOKEN',
	'npm_config_authToken',
	'DB_PASSWORD',
	'MYSQL_PWD',
	'client_secret',
	'AWS_ACCESS_KEY',
	'PRIVATE',
	'SSH_PRIVATE_KEY',
	'PASSPHRASE',
	'GIT_CREDENTIALS',
	'sessionId',
	'LOGIN',
];
for (const name of secretLike) {
	test(secretNames, name, 'tooth', true);
}

test(secretNames, 'INDEX', 'https://user:tooth@example.com/simple', true);
test(secretNames, 'PROXY', 'http://tooth@proxy:3128', true);

for (const name of ['VERSION', 'NODE_ENV', 'PATH', 'KEYBOARD', 'MODE', 'INDEX']) {
	test(secretNames, name, 'https://example.com/a@b', false);
}

test('no long value is kept', t => {
	fc.assert(fc.property(fc.string({minLength: 201, maxLength: 400}), value => {
		const {parts} = describeStep({...exec, env: [`V=${value}`]});
		t.is(typeof parts['ARG or ENV V'], 'object');
	}));
});
