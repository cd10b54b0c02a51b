import test from 'ava';
import {readOutline, type Outline} from '../../../frontend/dockerfile/outline.ts';
import {listTargets} from '../../../frontend/dockerfile/targets.ts';
import {convert, type RecordedOptions} from '../../support/conversion.ts';

async function outline(content: string, recorded: RecordedOptions = {}): Promise<Outline> {
	const {record} = await convert(content, recorded);
	return readOutline(record);
}

/** The arguments as `NAME=value:line description`. */
function textOf({arguments: args}: Outline): readonly string[] {
	return args.map(({name, value, location, description}) => `${name}=${value}:${location.startLine} ${description}`.trimEnd());
}

const takes = test.macro(async (t, content: string, expected: readonly string[], recorded: RecordedOptions = {}) => {
	t.deepEqual(textOf(await outline(content, recorded)), expected);
});

test('global arguments count where they are used, with those that their defaults are made of', takes, [
	'ARG A=1',
	'# B is made of A',
	'ARG B=$A-2',
	'ARG UNUSED=3',
	'ARG BASE=busybox',
	'FROM $BASE',
	'ARG B',
	'',
].join('\n'), ['A=1:1', 'B=1-2:3 is made of A', 'BASE=busybox:5']);
test('an argument with a default of its own hides the global one', takes, 'ARG A=1\nFROM busybox\n# A again\nARG A=2\n', ['A=2:4 again']);
test('a value of the user hides the default and what it is made of', takes, 'ARG A=1\nARG B=$A\nFROM busybox:$B\n', ['B=latest:2'], {buildArgs: {B: 'latest'}});
test('a global argument that the user gives is declared where it is taken over', takes, '# A is global\nARG A=1\nFROM busybox\nARG A\n', ['A=2:4'], {buildArgs: {A: '2'}});
test('arguments of the stages that the target needs count, nearest first', takes, [
	'FROM busybox AS unused',
	'ARG X=1',
	'FROM busybox AS far',
	'ARG A=far C=3',
	'FROM busybox AS base',
	'ARG A=base B=2',
	'COPY --from=far / /',
	'FROM base',
	'ARG D',
	'',
].join('\n'), ['C=3:4', 'A=base:6', 'B=2:6', 'D=:9']);
test('the last of several defaults counts', takes, 'FROM busybox\nARG A=1\nARG A=2\n', ['A=2:3']);
test('an argument in --platform counts', takes, 'ARG P=linux/amd64\nFROM --platform=$P busybox\n', ['P=linux/amd64:1']);
test('predefined arguments are not declared', takes, 'FROM --platform=$BUILDPLATFORM busybox\nARG TARGETARCH\n', []);

test('secrets and SSH sockets count once, by the nearest stage', async t => {
	const {secrets, ssh} = await outline([
		'FROM busybox AS base',
		'ARG ID=first',
		'RUN --mount=type=secret,id=a,required=true --mount=type=secret,target=/run/b --mount=type=ssh true',
		'RUN --mount=type=secret,id=$ID --mount=type=ssh,id=default,required=true true',
		'FROM base',
		'RUN --mount=type=secret,id=a,env=A true',
		'',
	].join('\n'));
	t.deepEqual(secrets.map(({name, isRequired, location}) => [name, isRequired, location.startLine]), [['b', false, 3], ['first', false, 4], ['a', false, 6]]);
	t.deepEqual(ssh.map(({name, isRequired, location}) => [name, isRequired, location.startLine]), [['default', false, 3]]);
});

test('the target is described by the comment above it that begins with its name', async t => {
	const {name, description} = await outline('# words\n# app runs it\n# app again\nFROM busybox AS App\nFROM busybox\n', {target: 'app'});
	t.deepEqual({name, description}, {name: 'app', description: 'runs it'});
	const unnamed = await outline('# x\nFROM busybox\n');
	t.is(unnamed.name, '');
});

test('stages that need each other over and over are walked once', async t => {
	const stages = Array.from({length: 200}, (_, index) => `FROM busybox AS s${index}\nARG A${index}=1\n${index < 2 ? '' : `COPY --from=s${index - 1} / /\nCOPY --from=s${index - 2} / /\n`}`);
	const {arguments: args} = await outline(stages.join(''));
	t.is(args.length, 200);
});

test('targets are the stages, with what is written about them', t => {
	const content = new TextEncoder().encode('ARG B=busybox\n# one is first\nFROM $B AS One\nFROM --platform=$BUILDPLATFORM one\nRUN x\n');
	t.deepEqual(listTargets({file: 'D', content}).map(({location, ...target}) => ({...target, line: location.startLine})), [
		{
			name: 'one', description: 'is first', isDefault: false, base: '$B', line: 3,
		},
		{
			name: '', description: '', isDefault: true, base: 'one', platform: '$BUILDPLATFORM', line: 4,
		},
	]);
});
