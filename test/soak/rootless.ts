import path from 'node:path';
import process from 'node:process';
import {testWhere} from '../support/conditions.ts';
import {makeRootlessUser} from '../support/rootless-user.ts';
import {testedProgram} from '../support/tsbuild.ts';

const repository = path.join(import.meta.dirname, '../..');
const ava = path.join(repository, 'node_modules/ava/entrypoints/cli.mjs');

// Those that differ most for an ordinary user; TSBUILD_ROOTLESS_FILES names others, with a blank between them, or is empty for all.
const chosenFiles = ['cache-local', 'recordings', 'secret-leaks', 'shared-steps', 'ssh'].map(name => `test/e2e/${name}.ts`);
const files = process.env.TSBUILD_ROOTLESS_FILES?.split(' ').filter(file => file !== '') ?? chosenFiles;

const asRoot = testWhere(process.getuid?.() === 0, 'it needs root, to become another user');

asRoot('the tests of whole builds pass when an ordinary user runs them', async t => {
	t.timeout(1_500_000);
	await using user = await makeRootlessUser();
	const {exitCode, stdout, stderr} = await user.run([process.execPath, ava, '--config', 'scripts/ava/rootless.config.ts', ...files], {
		cwd: repository, env: {TSBUILD_TEST_PROGRAM: testedProgram},
	});
	t.log(stdout.split('\n').slice(-5).join('\n'));
	t.is(exitCode, 0, `${stdout}${stderr}`);
});
