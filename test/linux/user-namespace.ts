import {execFileSync} from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {asRoot} from '../support/conditions.ts';

const file = path.join(import.meta.dirname, '../../src/linux/user-namespace.ts');
const script = `import(${JSON.stringify(file)}).then(module => console.log(module.isInUserNamespace()))`;

asRoot('the first user namespace is not one of our own', t => {
	t.false(isInUserNamespace());
});

test('a new user namespace is', t => {
	t.is(execFileSync('unshare', ['--user', '--map-root-user', process.execPath, '-e', script], {encoding: 'utf8'}), 'true\n');
	t.is(execFileSync('unshare', ['--user', process.execPath, '-e', script], {encoding: 'utf8'}), 'true\n');
});
