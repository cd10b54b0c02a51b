import test from 'ava';
import {parseFlags, type FlagDefinitions} from '../../src/cli/flag-parser.ts';
import {UsageError} from '../../src/cli/usage-error.ts';

const definitions = {
	file: {type: 'string', shorthand: 'f', description: ''},
	'no-cache': {type: 'boolean', description: ''},
	quiet: {type: 'boolean', shorthand: 'q', description: ''},
	pull: {type: 'string', valueAlone: 'true', description: ''},
	output: {type: 'list', shorthand: 'o', description: ''},
	ssh: {
		type: 'string', description: '', hidden: true, isMissing: true,
	},
	tag: {type: 'list', shorthand: 't', description: ''},
} as const satisfies FlagDefinitions;

const nothing = {
	file: undefined, 'no-cache': undefined, quiet: undefined, pull: undefined, output: [], ssh: undefined, tag: [],
};

const accepts = test.macro({
	exec(t, args: readonly string[], flags: Record<string, unknown>, positional: readonly string[] = []) {
		t.deepEqual(parseFlags(args, definitions), {flags: {...nothing, ...flags}, positional} as never);
	},
	title: (_, args: readonly string[]) => `the arguments ${JSON.stringify(args)} are understood`,
});

test(accepts, [], {});
test(accepts, ['.'], {}, ['.']);
test(accepts, ['--file', 'a', '.'], {file: 'a'}, ['.']);
test(accepts, ['--file=a', '.'], {file: 'a'}, ['.']);
test(accepts, ['--file='], {file: ''});
test(accepts, ['--file=a=b'], {file: 'a=b'});
test(accepts, ['-f', 'a'], {file: 'a'});
test(accepts, ['-fa'], {file: 'a'});
test(accepts, ['-f=a'], {file: 'a'});
test(accepts, ['-f', '-'], {file: '-'});
test(accepts, ['-f-', '-'], {file: '-'}, ['-']);
test(accepts, ['-f', '--no-cache'], {file: '--no-cache'});
test(accepts, ['-f', 'a', '--file', 'b'], {file: 'b'});
test(accepts, ['--pull', '.'], {pull: 'true'}, ['.']);
test(accepts, ['--pull=never', '.'], {pull: 'never'}, ['.']);
test(accepts, ['-tapp:1', '-t', 'app:2', '--tag=app:3'], {tag: ['app:1', 'app:2', 'app:3']});
test(accepts, ['-qt', 'x', '.'], {quiet: true, tag: ['x']}, ['.']);
test(accepts, ['-qtx'], {quiet: true, tag: ['x']});
test(accepts, ['-qq'], {quiet: true});
test(accepts, ['-q=false'], {quiet: false});
test(accepts, ['--no-cache'], {'no-cache': true});
test(accepts, ['--no-cache=false'], {'no-cache': false});
test(accepts, ['--no-cache=1', '--quiet=F'], {'no-cache': true, quiet: false});
test(accepts, ['--no-cache', 'false'], {'no-cache': true}, ['false']);
test(accepts, ['a', '-q', 'b'], {quiet: true}, ['a', 'b']);
test(accepts, ['-q', '--', '-t', '--file'], {quiet: true}, ['-t', '--file']);
test(accepts, ['-o', '-'], {output: ['-']});
test(accepts, ['-o', 'type=oci,"dest=a,b"'], {output: ['type=oci,"dest=a,b"']});

const refuses = test.macro({
	exec(t, args: readonly string[], message: string, hint?: string) {
		const error = t.throws(() => parseFlags(args, definitions), {instanceOf: UsageError});
		t.is(error.message, message);
		t.is(error.hint, hint);
	},
	title: (_, args: readonly string[]) => `the arguments ${JSON.stringify(args)} are refused`,
});

test(refuses, ['--nope'], 'unknown flag: --nope');
test(refuses, ['--no-cahce'], 'unknown flag: --no-cahce', 'Did you mean --no-cache?');
test(refuses, ['--ssh', 'default'], '--ssh is not supported yet');
test(refuses, ['--ssh=default'], '--ssh is not supported yet');
test(refuses, ['--sshh'], 'unknown flag: --sshh');
test(refuses, ['--constructor'], 'unknown flag: --constructor');
test(refuses, ['-Z'], 'unknown shorthand flag: \'Z\' in -Z');
test(refuses, ['-qZt'], 'unknown shorthand flag: \'Z\' in -qZt');
test(refuses, ['--tag'], 'flag needs an argument: --tag');
test(refuses, ['-t'], 'flag needs an argument: \'t\' in -t');
test(refuses, ['-qt'], 'flag needs an argument: \'t\' in -qt');
test(refuses, ['--=x'], 'bad flag syntax: --=x');
test(refuses, ['---x'], 'bad flag syntax: ---x');
test(refuses, ['--no-cache=maybe'], 'invalid argument "maybe" for "--no-cache" flag: strconv.ParseBool: parsing "maybe": invalid syntax');
test(refuses, ['-q=2'], 'invalid argument "2" for "-q, --quiet" flag: strconv.ParseBool: parsing "2": invalid syntax');
