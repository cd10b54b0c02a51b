import {existsSync} from 'node:fs';
import process from 'node:process';
import {findStoreFaults} from '../support/check-whole.ts';
import {asRoot, testWhere} from '../support/conditions.ts';
import {runOnDisk} from '../support/on-disk.ts';
import {makeProject} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const whereFaults = testWhere(process.getuid?.() === 0 && existsSync('/usr/bin/strace'), 'it needs root and strace');

/** What the disk answers, to which system call, and what the user reads then. Paths are relative to the store. */
type Fault = {
	readonly call: string;
	readonly error: string;
	/** Only calls that are about this file. */
	readonly path?: string;
	readonly message: RegExp;
};

const faults: readonly Fault[] = [
	{
		call: 'pwrite64', error: 'EIO', path: 'metadata.db-wal', message: /^ERROR: .*failed to (?:open|use) metadata \/.*\/metadata\.db: disk I\/O error\nThe disk has failed: .*\.$/mv,
	},
	{
		call: 'pwrite64', error: 'ENOSPC', path: 'metadata.db-wal', message: /^ERROR: .*failed to (?:open|use) metadata \/.*\/store\/metadata\.db: database or disk is full\nThe disk is full\.$/mv,
	},
	{
		call: 'rename', error: 'EDQUOT', message: /^ERROR: .*failed to write blob in \/.*: EDQUOT: disk quota exceeded, rename .*\nThe disk quota is used up\.$/mv,
	},
	{
		call: 'mkdir', error: 'EROFS', message: /^ERROR: .*failed to open store \/.*\/store: EROFS: .*\nThe file system is read-only: choose another directory with --root\.$/mv,
	},
];

function injector({call, error, path}: Fault, root: string): readonly string[] {
	return ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', ...(path === undefined ? [] : ['-P', `${root}/${path}`]), '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
}

whereFaults('a disk that fails ends a build with an error that names the file and tells what to do, and the store stays whole', async t => {
	t.timeout(300_000);
	await using project = await makeProject({Dockerfile: 'FROM base\nARG N\nCOPY a /a\nRUN echo $N > /n\n', a: 'x'});
	const {root, context, base} = project;
	const build = async (n: number, through: readonly string[] = []) => tsbuild(['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base}`, '--build-arg', `N=${n}`, '-t', `app:${n}`, context], {root, through});
	const first = await build(0);
	t.is(first.exitCode, 0, first.stderr);
	for (const [place, fault] of faults.entries()) {
		const {exitCode, stderr} = await build(place + 1, injector(fault, root));
		t.is(exitCode, 1, stderr);
		t.regex(stderr, fault.message);
		t.deepEqual(await findStoreFaults(root), [], `${fault.call} failed with ${fault.error}`);
	}

	const last = await build(faults.length + 1);
	t.is(last.exitCode, 0, last.stderr);
	t.deepEqual(await findStoreFaults(root), []);
});

asRoot('a disk that has become read-only is told, and the store works when it is writable again', async t => {
	const output = await runOnDisk('mount -t tmpfs -o size=16M tmpfs disk', `
		import {execFileSync} from 'node:child_process';
		import process from 'node:process';
		const {openStore} = await import(${JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'))});
		const disk = process.argv[1];
		const open = async () => {
			await using store = await openStore(disk + '/store');
		};
		const mountAgain = how => execFileSync('mount', ['-o', 'remount,' + how, disk]);
		await open();
		mountAgain('ro');
		await open().catch(error => console.log(error.message.replaceAll(disk, ''), error.hint));
		mountAgain('rw');
		await open();
	`);
	t.is(output, 'failed to open metadata /store/metadata.db: EROFS: read-only file system, open \'/store\' The file system is read-only: choose another directory with --root.\n');
});
