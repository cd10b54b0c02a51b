import test from 'ava';
import {chooseCommand, type ChosenCommand} from '../../src/cli/choose-command.ts';
import {UsageError} from '../../src/cli/usage-error.ts';

const chooses = test.macro({
	exec(t, line: string, expected: ChosenCommand) {
		t.deepEqual(chooseCommand(line === '' ? [] : line.split(' ')), expected);
	},
	title: (_, line: string) => `the command of "tsbuild ${line}"`,
});

test(chooses, '', {name: 'help', rest: []});
test(chooses, '--help', {name: 'help', rest: []});
test(chooses, '--version', {name: 'version', rest: []});
test(chooses, 'help du', {name: 'du', rest: ['--help']});
test(chooses, '-t app .', {name: 'build', rest: ['-t', 'app', '.']});
test(chooses, 'b .', {name: 'build', rest: ['.']});
test(chooses, 'images --root /x', {name: 'images', rest: ['--root', '/x']});
test(chooses, '--root /x images -q', {name: 'images', rest: ['-q'], root: '/x'});
test(chooses, '--root=/x store check', {name: 'store', rest: ['check'], root: '/x'});
test(chooses, '--root /x --root /y tag a b', {name: 'tag', rest: ['a', 'b'], root: '/y'});
test(chooses, '--root /x build --root /y .', {name: 'build', rest: ['--root', '/x', '--root', '/y', '.'], root: '/x'});
test(chooses, '--root build build .', {name: 'build', rest: ['--root', 'build', '.'], root: 'build'});
test(chooses, '--root /x .', {name: 'build', rest: ['--root', '/x', '.'], root: '/x'});
test(chooses, '--root /x -t app .', {name: 'build', rest: ['--root', '/x', '-t', 'app', '.'], root: '/x'});
test(chooses, '--root /x --help', {name: 'help', rest: [], root: '/x'});
test(chooses, '--root /x --version', {name: 'version', rest: [], root: '/x'});
test(chooses, '--root', {name: 'build', rest: ['--root']});
test(chooses, '-D --builder other build .', {name: 'build', rest: ['-D', '--builder', 'other', '.']});
test(chooses, '--debug --builder=other du', {name: 'du', rest: []});

const rejects = test.macro({
	exec(t, line: string, message: string) {
		t.throws(() => chooseCommand(line.split(' ')), {instanceOf: UsageError, message});
	},
	title: (_, line: string) => `there is no command of "tsbuild ${line}"`,
});

test(rejects, 'biuld .', 'unknown command: "biuld"');
test(rejects, '--root /x imges -q', 'unknown command: "imges"');
test(rejects, 'help me', 'unknown help topic: "me"');
