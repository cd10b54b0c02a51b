import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {appArmorProfile, prepareAppArmor} from '../../../solver/executor/app-armor.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

type Kernel = {readonly enabled?: string; readonly current?: string; readonly profiles?: string};

const loaded = `docker-default (enforce)\n${appArmorProfile.name} (enforce)\n`;

const prepares = test.macro(async (t, kernel: Kernel, expected: string | undefined) => {
	await using directory = await makeTemporaryDirectory();
	const file = (name: keyof Kernel) => path.join(directory.path, name);
	await Promise.all(Object.entries(kernel).map(async ([name, content]) => writeFile(path.join(directory.path, name), content)));
	t.is(await prepareAppArmor({enabled: file('enabled'), current: file('current'), profiles: file('profiles')}), expected);
});

test('a profile that is loaded is used', prepares, {enabled: 'Y\n', current: 'unconfined\n', profiles: loaded}, appArmorProfile.name);
test('there is no profile in a kernel without AppArmor', prepares, {}, undefined);
test('there is no profile where AppArmor is turned off', prepares, {enabled: 'N\n', current: 'unconfined\n', profiles: loaded}, undefined);
test('there is no profile in a container that has one', prepares, {enabled: 'Y\n', current: 'docker-default (enforce)\n', profiles: loaded}, undefined);

testWhere(existsSync('/usr/sbin/apparmor_parser'), 'it needs apparmor_parser')('AppArmor reads the profile', t => {
	const names = execFileSync('apparmor_parser', ['--skip-kernel-load', '--skip-cache', '--names'], {input: appArmorProfile.text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore']});
	t.is(names, `${appArmorProfile.name}\n`);
	execFileSync('apparmor_parser', ['--skip-kernel-load', '--skip-cache'], {input: appArmorProfile.text, stdio: ['pipe', 'ignore', 'ignore']});
});
