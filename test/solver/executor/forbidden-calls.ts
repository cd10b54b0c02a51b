import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {testWhere} from '../../support/conditions.ts';
import {forbiddenCalls} from '../../support/forbidden-calls.ts';
import {runWithRunc} from '../../support/runc.ts';
import {makeStepRoot} from '../../support/step.ts';
import {encodeProbe, parseProbe, probeListing} from '../../support/syscall-probe.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const environment = await prepareContainerEnvironment();

// The container of runc has no AppArmor profile either.
const unconfined = {...environment, attributes: {...environment.attributes, appArmorProfile: undefined}};

const testWithRunc = testWhere(process.arch === 'x64' && existsSync('/usr/bin/runc'), 'it needs runc on x86_64');

const names = forbiddenCalls.keys().toArray();

// What is not the same as under runc, what it is here to root and to others, and why. All else has to be equal.
const differences: Readonly<Record<string, readonly [here: readonly string[], why: string]>> = {
	statmount: [['EFAULT EFAULT'], 'Docker allows these calls; the libseccomp of an older runc does not know their names'],
	lsm: [['EPERM EPERM EPERM'], 'refused here, unknown to the libseccomp of an older runc'],
	x32: [['ENOSYS ENOSYS ENOSYS'], 'runc gives some of them EPERM'],
	handles: [['ENOTSUP ok EPERM'], 'overlayfs has no file handles'],
	'write /sys/fs/cgroup/cpuset/release_agent': [['EROFS', 'EACCES'], 'a step without limits of its CPUs has no group of its own there'],
	'device c 10 200': [['ok EPERM EPERM ok'], '/dev/net/tun, which runc took from its list in version 1.2'],
};

function prepare(root: string): void {
	const directory = path.join(root, 'probes');
	mkdirSync(directory);
	for (const [index, name] of names.entries()) {
		writeFileSync(path.join(directory, String(index)), encodeProbe(forbiddenCalls.get(name)!), {mode: 0o755});
	}
}

const tryAll = 'cd /probes; for file in *; do letters=$(./$file < /dev/null); echo "$file $letters $?"; done';

/** What came of each, with the exit code if it is not 0. */
function resultsOf(output: string): ReadonlyMap<string, string> {
	return new Map(output.trim().split('\n').map(line => {
		const [index, letters, exitCode] = line.split(' ') as [string, string, string];
		return [names[Number(index)]!, [...parseProbe(letters), ...(exitCode === '0' ? [] : [`exit code ${exitCode}`])].join(' ')];
	}));
}

const asUnderRunc = test.macro(async (t, command: string) => {
	t.timeout(300_000);
	const args = ['/bin/sh', '-c', `chmod 777 /tmp; ${command}`];
	const expected = resultsOf(await runWithRunc(args, {environment, prepare}));
	await using root = await makeStepRoot();
	prepare(root.lower);
	const {stdout} = await root.run(args, {environment: unconfined});
	const actual = resultsOf(stdout);
	t.is(actual.size, names.length);
	t.regex(actual.get('memfd')!, /^ok /v);
	const isExplained = (name: string) => differences[name]?.[0].includes(actual.get(name)!) ?? false;
	const unexplained = names.filter(name => actual.get(name) !== expected.get(name) && !isExplained(name));
	t.deepEqual(unexplained.map(name => ({name, here: actual.get(name), there: expected.get(name)})), []);
});

testWithRunc('nothing is open to root in a step that is closed under runc with Docker\'s defaults', asUnderRunc, tryAll);
testWithRunc('nothing is open to another user in a step that is closed under runc with Docker\'s defaults', asUnderRunc, `su user -c '${tryAll}'`);

testWhere(process.arch === 'x64', 'it needs x86_64')('a probe goes on after errors, and its children do not', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'probe');
	writeFileSync(file, encodeProbe([['chdir', '/nonexistent'], ['fork'], ['clone', 17], ['openat', -100, '/', 0], ['close', 3], ['close', 3], [999]]), {mode: 0o755});
	t.deepEqual(parseProbe(execFileSync(file, {encoding: 'utf8'})), ['ENOENT', 'ok', 'ok', 'ok', 'ok', 'EBADF', 'ENOSYS']);
});

testWhere(existsSync('/usr/bin/objdump'), 'it needs objdump')('objdump shows the documented instructions of a probe', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'probe');
	writeFileSync(file, encodeProbe([]));
	const listing = execFileSync('objdump', ['--disassemble', '--no-show-raw-insn', '-M', 'intel', file], {encoding: 'utf8'});
	const mnemonics = (text: string, pattern: RegExp) => text.matchAll(pattern).map(({groups}) => groups!.mnemonic).toArray();
	t.deepEqual(mnemonics(listing, /^ +[\da-f]+:\s+(?<mnemonic>\w+)/gmv), mnemonics(probeListing, /\|\s(?<mnemonic>\w+)/gv));
});
