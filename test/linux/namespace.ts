import {execFileSync} from 'node:child_process';
import process from 'node:process';
import test from 'ava';

// In a process of its own, because a thread does not come back from most namespaces.
test('a thread gets a new namespace, and returns to the old one', t => {
	const script = `
		import {readlinkSync} from 'node:fs';
		import {CLONE_NEWUTS} from ${url('constants.ts')};
		import {Descriptor} from ${url('descriptor.ts')};
		import {setNamespace, unshareThread} from ${url('namespace.ts')};
		const name = () => readlinkSync('/proc/thread-self/ns/uts');
		const before = name();
		using own = Descriptor.open('/proc/thread-self/ns/uts', 0);
		unshareThread(CLONE_NEWUTS);
		console.log(name() === before);
		setNamespace(own, CLONE_NEWUTS);
		console.log(name() === before);
		try {
			setNamespace(0, CLONE_NEWUTS);
		} catch (error) {
			console.log(error.message);
		}
	`;
	const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {encoding: 'utf8'});
	t.is(output, 'false\ntrue\nfailed to enter namespace: EINVAL\n');
});

function url(file: string): string {
	return JSON.stringify(new URL(`../../src/linux/${file}`, import.meta.url).href);
}
