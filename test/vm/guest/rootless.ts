import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	chmod,
	chown,
	mkdir,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {makeTemporaryBaseImage} from '../../support/base-image.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';
import {testedProgram} from '../../support/tsbuild.ts';

// The user of the guest, and the group that is delegated to the user's session.
const user = {uid: 1000, gid: 1000};
const session = '/sys/fs/cgroup/user/session/cgroup.procs';

test('an ordinary user builds, with files of other owners and limits in the delegated cgroup', async t => {
	const built = await buildAsUser([
		'FROM base',
		'COPY --chown=12:34 file /file',
		'RUN stat -c "%u:%g %a" /file && chown 60000:60000 /file && cat /proc/self/uid_map && cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max',
		'USER 1234',
		'RUN id -u && ! touch /file',
	], ['--memory', '64m', '--pids-limit', '77']);
	t.is(built.exitCode, 0, built.output);
	const output = stepLines(built.output);
	t.deepEqual(output.map(line => line.trim().replaceAll(/\s+/gv, ' ')), ['12:34 644', '0 1000 1', '1 100000 65536', '67108864', '77', '1234', 'touch: /file: Permission denied']);
});

test('an ordinary user\'s step over its memory limit is killed, and the build says so', async t => {
	const failed = await buildAsUser(['FROM base', 'RUN tail /dev/zero'], ['--memory', '32m', '--memory-swap', '32m']);
	t.is(failed.exitCode, 1, failed.output);
	t.regex(failed.output, /out of memory \(limit 32MiB/v);
});

/** What the steps have printed. */
function stepLines(output: string): readonly string[] {
	return output.matchAll(/^#\d+ \d+\.\d+ (?<line>.*)$/gmv).map(({groups}) => groups!.line!).toArray();
}

type BuildResult = {
	readonly exitCode: number | null;
	readonly output: string;
};

async function buildAsUser(lines: readonly string[], flags: readonly string[]): Promise<BuildResult> {
	await using base = await makeTemporaryBaseImage();
	await using directory = await makeTemporaryDirectory();
	const context = path.join(directory.path, 'context');
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), lines.join('\n'));
	await writeFile(path.join(context, 'file'), Buffer.alloc(10));
	await Promise.all([chmod(path.dirname(base.directory), 0o755), chown(directory.path, user.uid, user.gid)]);
	const build = [process.execPath, testedProgram, 'build', '--progress', 'plain', '--root', path.join(directory.path, 'store'), '--build-context', `base=oci-layout://${base.directory}`, ...flags, context];
	const asUser = `exec /usr/bin/setpriv --reuid ${user.uid} --regid ${user.gid} --clear-groups env HOME=/home/user USER=user "$@" 2>&1`;
	const child = spawn('sh', ['-c', `echo $$ >${session} && ${asUser}`, 'sh', ...build], {stdio: ['ignore', 'pipe', 'inherit']});
	const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
	return {exitCode, output};
}
