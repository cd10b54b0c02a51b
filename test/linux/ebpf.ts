import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	constants,
	mkdirSync,
	rmdirSync,
	writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {BPF_F_ALLOW_MULTI} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {attachDeviceProgram, loadDeviceProgram} from '../../src/linux/ebpf.ts';
import {FilesystemContext} from '../../src/linux/filesystem-context.ts';

// R0 = value; exit. https://docs.kernel.org/bpf/standardization/instruction-set.html
const returnValue = (value: number) => Buffer.from([0xB7, 0, 0, 0, value, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);

/** Tells whether a process in a cgroup with a device program can open /dev/null. */
async function openNullUnder(program: Uint8Array): Promise<string> {
	using hierarchy = new FilesystemContext('cgroup2').mount(0);
	const path = join(hierarchy.path, `tsbuild-test-${crypto.randomUUID()}`);
	mkdirSync(path);
	try {
		using cgroup = Descriptor.open(path, constants.O_RDONLY);
		using loaded = loadDeviceProgram(program);
		attachDeviceProgram(cgroup, loaded, BPF_F_ALLOW_MULTI);
		const child = spawn('/bin/sh', ['-c', 'read go; (: < /dev/null) 2>&1 && echo opened'], {stdio: ['pipe', 'pipe', 'inherit']});
		writeFileSync(join(path, 'cgroup.procs'), String(child.pid));
		child.stdin.end('go\n');
		const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
		return output;
	} finally {
		rmdirSync(path);
	}
}

test('a program that denies everything keeps a cgroup from its devices', async t => {
	t.regex(await openNullUnder(returnValue(0)), /Operation not permitted/v);
});

test('a program that allows everything does not', async t => {
	t.is(await openNullUnder(returnValue(1)), 'opened\n');
});

test('a program that is not valid is refused with the verifier\'s words', t => {
	const readsUninitializedRegister = Buffer.from([0xBF, 0x20, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
	t.throws(() => loadDeviceProgram(readsUninitializedRegister), {code: 'EACCES', message: /^failed to load device program: EACCES \([\s\S]*R2 !read_ok/v});
});

test('a program is not put on what is no cgroup', t => {
	using loaded = loadDeviceProgram(returnValue(1));
	using directory = Descriptor.open('/', constants.O_RDONLY);
	t.throws(() => {
		attachDeviceProgram(directory, loaded, 0);
	}, {code: 'EBADF', message: 'failed to attach device program to cgroup: EBADF'});
});
