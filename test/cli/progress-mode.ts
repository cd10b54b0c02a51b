import test from 'ava';
import type {Environment} from '../../src/cli/command.ts';
import {readProgressMode} from '../../src/cli/progress-mode.ts';
import {UsageError} from '../../src/cli/usage-error.ts';
import type {ProgressMode} from '../../src/progress/open-display.ts';

type Given = {readonly progress?: string; readonly quiet?: boolean; readonly environment?: Environment; readonly isTerminal?: boolean};

function read({progress, quiet, environment = {}, isTerminal = false}: Given): ProgressMode {
	return readProgressMode({progress, quiet}, {environment, isTerminal});
}

const gives = test.macro({
	exec(t, given: Given, mode: ProgressMode) {
		t.is(read(given), mode);
	},
	title: (_, given: Given, mode: ProgressMode) => `${JSON.stringify(given)} is ${mode}`,
});

test(gives, {}, 'plain');
test(gives, {isTerminal: true}, 'tty');
test(gives, {progress: 'auto', isTerminal: true}, 'tty');
test(gives, {isTerminal: true, environment: {TERM: 'dumb'}}, 'plain');
test(gives, {progress: 'tty', isTerminal: true, environment: {TERM: 'dumb'}}, 'tty');
test(gives, {progress: 'plain', isTerminal: true}, 'plain');
test(gives, {progress: 'rawjson'}, 'rawjson');
test(gives, {progress: 'none'}, 'none');
test(gives, {progress: 'quiet'}, 'quiet');
test(gives, {quiet: true, isTerminal: true}, 'quiet');
test(gives, {quiet: true, progress: 'quiet'}, 'quiet');
test(gives, {quiet: true, environment: {BUILDKIT_PROGRESS: 'plain'}}, 'quiet');
test(gives, {isTerminal: true, environment: {BUILDKIT_PROGRESS: 'plain'}}, 'plain');
test(gives, {progress: 'plain', environment: {BUILDKIT_PROGRESS: 'rawjson'}}, 'plain');

const fails = test.macro({
	exec(t, given: Given, message: string) {
		t.throws(() => read(given), {instanceOf: UsageError, message});
	},
	title: (_, given: Given) => `${JSON.stringify(given)} is refused`,
});

test(fails, {progress: 'fancy'}, 'invalid progress mode fancy');
test(fails, {progress: 'tty'}, 'failed to get console: provided file is not a console');
test(fails, {environment: {BUILDKIT_PROGRESS: 'tty'}}, 'failed to get console: provided file is not a console');
test(fails, {progress: 'plain', quiet: true}, 'progress=plain and quiet cannot be used together');
