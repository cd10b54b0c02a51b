import {execFileSync, spawnSync} from 'node:child_process';
import {
	readFile,
	realpath,
} from 'node:fs/promises';
import {isBuiltin} from 'node:module';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import manifest from '../../package.json' with {type: 'json'};
import {buildBundle} from '../../scripts/build.ts';
import {packageProgram} from '../support/packaged-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {testWhere} from '../support/conditions.ts';

const repository = path.join(import.meta.dirname, '../..');

test('the packaged command answers', async t => {
	await using program = await packageProgram();
	const output = execFileSync(process.execPath, [program.file, '--version'], {encoding: 'utf8'});
	t.true(output.includes(manifest.version), output);
});

test('the bundle loads no package but koffi', async t => {
	await using temporary = await makeTemporaryDirectory();
	const imports = await buildBundle(path.join(temporary.path, 'dist'));
	t.deepEqual([...imports].filter(name => !isBuiltin(name) && name !== 'koffi'), []);
});

test('the bundle loads what speaks with servers when it is needed', async t => {
	await using temporary = await makeTemporaryDirectory();
	await buildBundle(temporary.path);
	const bundle = await readFile(path.join(temporary.path, 'main.js'), 'utf8');
	const imported = bundle.matchAll(/\bfrom\s*"(?:node:)?(?<name>\w+)"/gv).map(({groups}) => groups!.name!).toArray();
	t.true(imported.includes('fs'));
	t.deepEqual(imported.filter(name => ['dns', 'http', 'http2', 'https', 'tls'].includes(name)), []);
});

const oldNode = findOldNode();
const testWithOldNode = testWhere(oldNode !== undefined, 'there is no older Node');

testWithOldNode('an older Node says in one line which is needed', t => {
	const {status, stdout, stderr} = spawnSync(oldNode!, [path.join(repository, 'bin/tsbuild.cjs')], {encoding: 'utf8'});
	t.is(status, 1);
	t.is(stdout, '');
	t.regex(stderr, /^tsbuild needs Node\.js 24\.12 or newer, this is v\S+ \S+\n$/v);
});

test('npx in the repository uses the Node of the lock file', async t => {
	const output = execFileSync('npx', ['--call', 'command -v node'], {cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
	t.is(await realpath(output.trim()), await realpath(path.join(repository, 'node_modules/.bin/node')));
});

/** The machine's own Node where it is too old, as on Debian 12. */
function findOldNode(): string | undefined {
	const {stdout, status} = spawnSync('/usr/bin/node', ['--version'], {encoding: 'utf8'});
	return status === 0 && Number(/^v(?<major>\d+)/v.exec(stdout)?.groups!.major) < 24 ? '/usr/bin/node' : undefined;
}
