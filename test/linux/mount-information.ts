import test from 'ava';
import {isMountPoint, parseMountInformation, readMountInformation} from '../../src/linux/mount-information.ts';

test('a line is read with its optional fields and escapes', t => {
	const [mount] = parseMountInformation(String.raw`36 35 98:0 /mnt1 /mnt\0402\011x\134 rw,noatime shared:1 master:2 - ext3 /dev/root\040x rw,errors=continue` + '\n');
	t.deepEqual(mount, {
		id: 36,
		parentId: 35,
		device: '98:0',
		root: '/mnt1',
		mountPoint: '/mnt 2\tx\\',
		options: ['rw', 'noatime'],
		propagation: ['shared:1', 'master:2'],
		type: 'ext3',
		source: '/dev/root x',
		superOptions: ['rw', 'errors=continue'],
	});
});

test('a line without optional fields is read', t => {
	const [mount] = parseMountInformation('1 0 0:1 / / rw - rootfs rootfs rw\n');
	t.deepEqual(mount?.propagation, []);
	t.is(mount?.type, 'rootfs');
});

test('a mount point whose name looks like an escape stays what it is', t => {
	const [mount] = parseMountInformation(String.raw`1 0 0:1 / /a\134040b rw - tmpfs - rw` + '\n');
	t.is(mount?.mountPoint, String.raw`/a\040b`);
});

test('/proc is a mount point, and a directory in it is not', async t => {
	t.true(await isMountPoint('/proc'));
	t.false(await isMountPoint('/proc/self'));
	const mounts = await readMountInformation();
	t.is(mounts.find(mount => mount.mountPoint === '/proc')?.type, 'proc');
});
