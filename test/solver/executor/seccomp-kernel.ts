import {spawnSync} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {capabilityNames, defaultCapabilities} from '../../../solver/executor/capabilities.ts';
import {defaultSeccompProfile, selectRules, type ProfileConditions} from '../../../solver/executor/seccomp-profile.ts';
import {assembleSeccompFilter} from '../../../solver/executor/seccomp.ts';
import {syscallTables} from '../../../solver/executor/syscall-tables.ts';
import {testWhere} from '../../support/conditions.ts';
import {runFilter} from '../../support/classic-bpf.ts';
import {sampleArguments} from '../../support/seccomp-arguments.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const onX86: ProfileConditions = {architecture: 'x86_64', capabilities: defaultCapabilities, kernelVersion: os.release()};
const onArm: ProfileConditions = {...onX86, architecture: 'arm64'};

function assembleDefault(conditions: ProfileConditions): Uint8Array {
	return assembleSeccompFilter({profile: defaultSeccompProfile, ...conditions});
}

/** Builds a filter of the rules by libseccomp, and prints it. */
const buildByLibrary = `
import ctypes, json, os, sys, tempfile
lib = ctypes.CDLL('libseccomp.so.2')
class Condition(ctypes.Structure):
	_fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
lib.seccomp_arch_remove.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
lib.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
order = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ']
work = json.load(sys.stdin)
context = lib.seccomp_init(0x00050000 | work['profile']['defaultErrnoRet'])
for architecture in work['architectures']:
	lib.seccomp_arch_add(context, architecture)
native = lib.seccomp_arch_native() & 0xffffffff
if native not in work['architectures']:
	lib.seccomp_arch_remove(context, native)
unknown = []
for rule in work['rules']:
	action = 0x7fff0000 if rule['action'] == 'SCMP_ACT_ALLOW' else 0x00050000 | rule['errnoRet']
	for name in rule['names']:
		number = lib.seccomp_syscall_resolve_name(name.encode())
		if number == -1:
			unknown.append(name)
			continue
		conditions = [Condition(c['index'], order.index(c['op'][9:]), c['value'], c.get('valueTwo', 0)) for c in rule.get('args', [])]
		result = lib.seccomp_rule_add_array(context, action, number, len(conditions), (Condition * len(conditions))(*conditions))
		if result != 0:
			sys.exit('%s: %d' % (name, result))
with tempfile.TemporaryFile() as file:
	assert lib.seccomp_export_bpf(context, file.fileno()) == 0
	file.seek(0)
	print(json.dumps({'unknown': unknown, 'filter': list(file.read())}))
`;

const hasLibrary = spawnSync('python3', ['-c', 'import ctypes; ctypes.CDLL("libseccomp.so.2")']).status === 0;
// Without python3 and libseccomp there is nothing to compare with.
const testWithLibrary = testWhere(hasLibrary, 'it needs libseccomp');
// The machine code in it is that of x86_64.
const testOnX86 = testWhere(hasLibrary && process.arch === 'x64', 'it needs libseccomp, on x86_64');

const decidesAsLibrary = test.macro({
	exec(t, conditions: ProfileConditions) {
		const tables = syscallTables(conditions.architecture);
		const {stdout} = spawnSync('python3', ['-c', buildByLibrary], {
			encoding: 'utf8',
			maxBuffer: 1 << 24,
			input: JSON.stringify({
				profile: defaultSeccompProfile,
				rules: selectRules(defaultSeccompProfile, conditions),
				architectures: tables.map(table => table.auditArchitecture),
			}),
		});
		const built = JSON.parse(stdout) as {unknown: string[]; filter: number[]};
		const theirs = Uint8Array.from(built.filter);
		const ours = assembleDefault(conditions);
		for (const table of tables) {
			// The library knows none of the calls after these.
			const known = table.numbers.entries().filter(([name, number]) => !built.unknown.includes(name) && number <= 456);
			for (const [name, number] of known) {
				for (const argument of sampleArguments) {
					const call = {number, architecture: table.auditArchitecture, arguments: [table.auditArchitecture >= 0x80_00_00_00 ? argument : BigInt.asUintN(32, argument)]};
					t.is(runFilter(ours, call).verdict, runFilter(theirs, call).verdict, `${name}(${argument})`);
				}
			}
		}
	},
	title: (_providedTitle, {architecture, capabilities}: ProfileConditions) => `the filter decides as the one that libseccomp makes for ${architecture} with ${capabilities.length} capabilities`,
});

testWithLibrary(decidesAsLibrary, onX86);
testWithLibrary(decidesAsLibrary, onArm);
testWithLibrary(decidesAsLibrary, {...onX86, capabilities: capabilityNames});

/** Installs a filter, makes calls, native ones and those by `int 0x80`, and prints their error numbers. */
const callUnderFilter = `
import ctypes, json, mmap, sys
libc = ctypes.CDLL(None, use_errno=True)
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, edi; mov ebx, esi; xor ecx, ecx; xor edx, edx; int 0x80; pop rbx; ret
code.write(bytes.fromhex('53 89f8 89f3 31c9 31d2 cd80 5b c3'))
compatible = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
program = open(sys.argv[1], 'rb').read()
class Program(ctypes.Structure):
	_fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_char_p)]
filter = Program(len(program) // 8, program)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(filter)):
	sys.exit('prctl: %d' % ctypes.get_errno())
def native(number, *values):
	ctypes.set_errno(0)
	libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(value) for value in values])
	return ctypes.get_errno()
print(json.dumps({
	'getpid': native(39), 'mount': native(165, 0, 0, 0, 0, 0), 'clone3': native(435, 0, 0), 'vsock': native(41, 40, 1, 0), 'unix': native(41, 1, 1, 0),
	'newer': native(999), 'x32 getpid': native(0x40000000 + 39),
	'i386 getpid': compatible(20, 0) > 0, 'i386 mount': compatible(21, 0), 'i386 newer': compatible(999, 0),
}))
`;

testOnX86('the kernel takes the filter and decides by it', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'filter');
	await writeFile(file, assembleDefault(onX86));
	const {stdout} = spawnSync('python3', ['-c', callUnderFilter, file], {encoding: 'utf8'});
	t.deepEqual(JSON.parse(stdout), {
		getpid: 0,
		mount: os.constants.errno.EPERM,
		clone3: os.constants.errno.ENOSYS,
		vsock: os.constants.errno.EPERM,
		unix: 0,
		newer: os.constants.errno.ENOSYS,
		'x32 getpid': os.constants.errno.ENOSYS,
		'i386 getpid': true,
		'i386 mount': -os.constants.errno.EPERM,
		'i386 newer': -os.constants.errno.ENOSYS,
	});
});
