import type {FlatXoConfig} from 'xo';

const shellMessage = 'A shell would interpret the arguments. Use `spawn` or `execFile` with an argument list.';

const xoConfig: FlatXoConfig = [
	{
		ignores: [
			'dist',
			// Inputs and expected outputs of tests, kept byte by byte.
			'fixtures',
			// Must run on every Node to say which one is needed, so it keeps to the syntax of 2009.
			'bin/tsbuild.cjs',
		],
	},
	{
		rules: {
			// A one-line contract is a `/** ... */`; three lines for it would halve what a screen shows.
			'unicorn/single-line-block-comment-style': 'off',
			// Syscalls, OCI and Docker JSON and the Dockerfile language name things their way: `pivot_root`, `diff_ids`, `ArgsEscaped`.
			'@typescript-eslint/naming-convention': 'off',
			// Modes, flags and machine code are bits.
			'no-bitwise': 'off',
			// Mounts, tar entries and blobs are ordered on purpose: starting them all at once is the mistake here.
			'no-await-in-loop': 'off',
			// The tests are ava's; Node's runner, which would run everything under test/, is not used.
			'node-test/no-import-test-files': 'off',

			// Narrowed, not off: `null` is what JSON and SQLite say, `Buffer` is what names that are not UTF-8 need.
			'@typescript-eslint/no-restricted-types': ['error', {
				types: {
					object: {message: 'Use `Record<string, unknown>` instead.', fixWith: 'Record<string, unknown>'},
				},
			}],
			// Narrowed likewise: functions are verbs, `tryLock` tells whether it locked.
			'unicorn/consistent-boolean-name': ['error', {checkFunctions: 'never'}],
		},
	},
	{
		files: ['**/*.ts'],
		rules: {
			'no-restricted-syntax': [
				'error',
				{selector: 'ExportAllDeclaration', message: 'Import from the file that owns the name; there are no barrels.'},
				{selector: 'CallExpression[callee.name="exec"], CallExpression[callee.name="execSync"]', message: shellMessage},
			],
		},
	},
	{
		files: ['test/**/*.ts'],
		rules: {
			'no-restricted-imports': ['error', {
				paths: [{name: 'node:timers/promises', importNames: ['setTimeout'], message: 'Wait for the event itself; a sleep is slow on one machine and too short on another.'}],
			}],
			// Besides the files of `npm test`, those that have a configuration in scripts/ava.
			'ava/no-ignored-test-files': ['error', {files: ['test/**/*.ts', '!test/support/**']}],
		},
	},
];

export default xoConfig;
