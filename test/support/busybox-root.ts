import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	copyFileSync,
	mkdirSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';

const busybox = '/bin/busybox';

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
user:x:1000:1000:User:/home/user:/bin/sh
`;

const group = `root:x:0:
daemon:x:1:
tty:x:5:
users:x:100:user,other
user:x:1000:
`;

/**
Makes a small root filesystem in an empty directory: busybox and links for its applets in /bin, /etc/passwd and /etc/group with root and `user` (1000, also in group 100), /tmp, /root, and nothing else.

Needs Debian's package busybox-static.
*/
export function makeBusyboxRoot(directory: string): void {
	for (const [name, mode] of [['bin', 0o755], ['etc', 0o755], ['root', 0o700], ['tmp', 0o1777]] as const) {
		mkdirSync(path.join(directory, name));
		chmodSync(path.join(directory, name), mode);
	}

	const copy = path.join(directory, 'bin/busybox');
	copyFileSync(busybox, copy);
	chmodSync(copy, 0o755);
	const applets = execFileSync(busybox, ['--list'], {encoding: 'utf8'}).trim().split('\n').filter(name => name !== 'busybox');
	for (const applet of applets) {
		symlinkSync('busybox', path.join(directory, 'bin', applet));
	}

	writeFileSync(path.join(directory, 'etc/passwd'), passwd);
	writeFileSync(path.join(directory, 'etc/group'), group);
}
