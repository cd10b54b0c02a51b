import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {countsFileVariable, countsPrefix} from '../../scripts/ava/counted-run.ts';
import {testWhere} from '../support/conditions.ts';
import {makeRootlessUser} from '../support/rootless-user.ts';
import {testedProgram} from '../support/tsbuild.ts';

const repository = path.join(import.meta.dirname, '../..');
const ava = path.join(repository, 'node_modules/ava/entrypoints/cli.mjs');

// TSBUILD_ROOTLESS_FILES names other files to be run by a user, with a blank between them, or is empty for all that there is; it takes an hour of one processor.
const wanted = process.env.TSBUILD_ROOTLESS_FILES;

// Those that differ most for an ordinary user.
const chosenFiles = ['images', 'native-store', 'run-mounts', 'run-options', 'secret-leaks', 'shared-steps', 'ssh'].map(name => `test/e2e/${name}.ts`);

// Of the many cases of builds, those with owners, attributes and special files.
const chosenCases = ['attributes-*', 'chown-*', 'layers-*', 'special-*'].map(name => `--match=the case ${name}`);

const chosenFilesOfRoot = ['full-disk', 'power-loss', 'prune-while-building'].map(name => `test/e2e/${name}.ts`);

const asRoot = testWhere(process.getuid?.() === 0, 'it needs root, to become another user');

type Run = {
	readonly config: 'rootless' | 'namespace-root';
	/** Starts what follows in another way. */
	readonly through?: readonly string[];
	/** Of ava: files and what else it takes. */
	readonly args: readonly string[];
};

const passes = asRoot.macro(async (t, {config, through = [], args}: Run) => {
	t.timeout(1_500_000);
	// The cases have files of users with large numbers.
	await using user = await makeRootlessUser({subordinateIds: 3_000_000_000});
	const counts = path.join(user.home, 'counts.json');
	const {exitCode, stdout, stderr} = await user.run([...through, process.execPath, ava, '--config', `scripts/ava/${config}.config.ts`, ...args], {
		cwd: repository, env: {TSBUILD_TEST_PROGRAM: testedProgram, [countsFileVariable]: counts},
	});
	if (existsSync(counts)) {
		t.log(`${countsPrefix}${await readFile(counts, 'utf8')}`);
	}

	t.log(stdout.split('\n').slice(-5).join('\n'));
	t.is(exitCode, 0, `${stdout}${stderr}`);
});

asRoot.serial('the tests of whole builds pass when an ordinary user runs them', passes, {config: 'rootless', args: wanted?.split(' ').filter(file => file !== '') ?? chosenFiles});

asRoot.serial('the cases of builds whose files are unusual pass when an ordinary user runs them', passes, {config: 'rootless', args: ['test/e2e/build-cases.ts', ...chosenCases]});

asRoot.serial('the tests that open stores or mount disks pass in a user namespace', passes, {
	config: 'namespace-root',
	// As tsbuild starts itself again.
	through: ['unshare', '--user', '--map-root-user', '--map-auto', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
	args: wanted === undefined ? chosenFilesOfRoot : [],
});
