import {readdirSync} from 'node:fs';
import test from 'ava';
import {FilesystemContext} from '../../src/linux/filesystem-context.ts';

test('a file system is made with its options, attached nowhere', t => {
	using context = new FilesystemContext('tmpfs');
	context.set('size', '1m');
	using mount = context.mount(0);
	t.deepEqual(readdirSync(mount.path), []);
});

test('an error has the kernel\'s own words', t => {
	using context = new FilesystemContext('tmpfs');
	t.throws(() => {
		context.set('no-such-option', 'x');
	}, {code: 'EINVAL', message: 'failed to set no-such-option of tmpfs file system: EINVAL (tmpfs: Unknown parameter \'no-such-option\')'});
});

test('a file system that the kernel does not know is an error', t => {
	t.throws(() => new FilesystemContext('no-such-type'), {code: 'ENODEV', message: 'failed to begin no-such-type file system: ENODEV'});
});
