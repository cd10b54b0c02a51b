import {constants} from 'node:fs';
import {
	mkdir,
	rm,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {lookUpUser, type ContainerUser} from '../../../solver/executor/user.ts';
import {Descriptor} from '../../../src/linux/descriptor.ts';
import {makeDeviceFile} from '../../../src/linux/files.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const passwd = `# a comment:x:9:9::/:
root:x:0:0:root:/root:/bin/sh
+nis::::::
app:x:1000:1001:App:/home/app:/bin/sh
nohome:x:1002:1002:::
1234:x:5:5:a name of digits:/digits:/bin/sh
broken:x:what:0::/:
huge:x:4294967296:1::/:
minus:x:-1:1::/:
`;

const group = `root:x:0:root
wheel:x:10:root,app
app:x:1001:
audio:x:29:other,app
5678:x:6:
broken:x:what:app
app2:x:1001:app
`;

type Files = {readonly passwd?: string; readonly group?: string};

const usualFiles: Files = {passwd, group};

async function lookUp(user: string, files = usualFiles): Promise<ContainerUser> {
	await using root = await makeTemporaryDirectory();
	await mkdir(path.join(root.path, 'etc'));
	for (const [name, content] of Object.entries(files)) {
		await writeFile(path.join(root.path, 'etc', name), content);
	}

	using descriptor = Descriptor.open(root.path, constants.O_RDONLY);
	return lookUpUser(descriptor, user);
}

const finds = test.macro({
	async exec(t, user: string, expected: ContainerUser, files?: Files) {
		t.deepEqual(await lookUp(user, files), expected);
	},
	title: (title, user) => title ?? `user ${JSON.stringify(user)} is found`,
});

const app = {uid: 1000, home: '/home/app'};

test(finds, '', {
	uid: 0, gid: 0, groups: [0, 10], home: '/root',
});
test(finds, 'root', {
	uid: 0, gid: 0, groups: [0, 10], home: '/root',
});
test(finds, '0', {
	uid: 0, gid: 0, groups: [0, 10], home: '/root',
});
test(finds, 'app', {...app, gid: 1001, groups: [1001, 10, 29]});
test(finds, '1000', {...app, gid: 1001, groups: [1001, 10, 29]});
test(finds, 'app:', {...app, gid: 1001, groups: [1001, 10, 29]});
test(finds, 'app:audio', {...app, gid: 29, groups: [29]});
test(finds, 'app:29', {...app, gid: 29, groups: [29]});
test(finds, 'app:4711', {...app, gid: 4711, groups: [4711]});
test(finds, '1000:1000', {...app, gid: 1000, groups: [1000]});
test(finds, ':wheel', {
	uid: 0, gid: 10, groups: [10], home: '/root',
});
test(finds, '4711', {
	uid: 4711, gid: 0, groups: [0], home: '/',
});
test(finds, '2147483647', {
	uid: 2_147_483_647, gid: 0, groups: [0], home: '/',
});
test(finds, 'nohome', {
	uid: 1002, gid: 1002, groups: [1002], home: '/',
});
test('a number is never taken for a name', finds, '1234', {
	uid: 1234, gid: 0, groups: [0], home: '/',
});
test('a number is never taken for a group\'s name', finds, 'app:5678', {...app, gid: 5678, groups: [5678]});
test('ids need no files', finds, '7:8', {
	uid: 7, gid: 8, groups: [8], home: '/',
}, {});
test('root needs no files', finds, '', {
	uid: 0, gid: 0, groups: [0], home: '/',
}, {});
test('a passwd file without root does not make another user of nobody in particular', finds, '', {
	uid: 0, gid: 0, groups: [0], home: '/',
}, {passwd: 'app:x:1000:1000::/home/app:\n'});

const fails = test.macro({
	async exec(t, user: string, message: string, files?: Files) {
		await t.throwsAsync(lookUp(user, files), {code: 'ERR_TSBUILD_USER', message});
	},
	title: (_title, user) => `user ${JSON.stringify(user)} is refused`,
});

test(fails, 'nosuch', 'unable to find user nosuch: no matching entries in passwd file');
test(fails, 'app:nosuch', 'unable to find group nosuch: no matching entries in group file');
test(fails, '0:nosuch', 'unable to find group nosuch: no matching entries in group file', {});
test(fails, 'broken', 'unable to find user broken: no matching entries in passwd file');
test(fails, 'APP', 'unable to find user APP: no matching entries in passwd file');
test(fails, '0x10', 'unable to find user 0x10: no matching entries in passwd file');
test(fails, '-1', 'uids and gids must be in range 0-2147483647');
test(fails, '2147483648', 'uids and gids must be in range 0-2147483647');
test(fails, '99999999999999999999', 'uids and gids must be in range 0-2147483647');
test(fails, 'huge', 'uids and gids must be in range 0-2147483647');
test(fails, 'minus', 'uids and gids must be in range 0-2147483647');
test(fails, 'app:-1', 'uids and gids must be in range 0-2147483647');

test('links are followed inside the root only', async t => {
	await using host = await makeTemporaryDirectory();
	await writeFile(path.join(host.path, 'passwd'), 'app:x:666:666::/host:\n');
	await using root = await makeTemporaryDirectory();
	await mkdir(path.join(root.path, 'etc'));
	await mkdir(path.join(root.path, 'usr'));
	await writeFile(path.join(root.path, 'usr/passwd'), passwd);
	using descriptor = Descriptor.open(root.path, constants.O_RDONLY);
	const link = path.join(root.path, 'etc/passwd');

	await symlink('/../../../usr/passwd', link);
	t.is(lookUpUser(descriptor, 'app').uid, 1000);
	await rm(link);
	await symlink(path.join(host.path, 'passwd'), link);
	t.throws(() => lookUpUser(descriptor, 'app'), {code: 'ERR_TSBUILD_USER'});
});

test('a fifo as passwd file is refused, not waited for', async t => {
	await using root = await makeTemporaryDirectory();
	await mkdir(path.join(root.path, 'etc'));
	makeDeviceFile(undefined, path.join(root.path, 'etc/passwd'), {kind: 'fifo', mode: 0o644});
	using descriptor = Descriptor.open(root.path, constants.O_RDONLY);
	t.throws(() => lookUpUser(descriptor, 'app'), {code: 'ERR_TSBUILD_NOT_A_FILE'});
	t.deepEqual(lookUpUser(descriptor, ''), {
		uid: 0, gid: 0, groups: [0], home: '/',
	});
});

test('a passwd file of more than 10 MiB is refused', async t => {
	const large = `${'x'.repeat(10 * 1024 * 1024)}\n`;
	await t.throwsAsync(lookUp('app', {passwd: large}), {code: 'ERR_TSBUILD_FILE_TOO_LARGE'});
	await t.throwsAsync(lookUp('app:users', {passwd, group: large}), {code: 'ERR_TSBUILD_FILE_TOO_LARGE'});
});
