import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import test from 'ava';
import {appArmorProfile, prepareAppArmor} from '../../../solver/executor/app-armor.ts';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {makeStepRoot} from '../../support/step.ts';

const directory = '/sys/kernel/security';

/** Mounts where programs talk to AppArmor, as systemd does. */
function mountSecurity(): Disposable {
	if (existsSync(`${directory}/apparmor`)) {
		return {[Symbol.dispose]: () => undefined};
	}

	execFileSync('mount', ['-t', 'securityfs', 'securityfs', directory]);
	return {
		[Symbol.dispose]() {
			execFileSync('umount', [directory]);
		},
	};
}

test('the profile is loaded once, and confines sandboxed steps alone', async t => {
	using _security = mountSecurity();
	const environment = await prepareContainerEnvironment();
	t.is(environment.attributes.appArmorProfile, appArmorProfile.name);
	t.is(await prepareAppArmor(), appArmorProfile.name);
	const loaded = await readFile(`${directory}/apparmor/profiles`, 'utf8');
	t.is(loaded.split('\n').filter(line => line.startsWith('tsbuild-')).join('\n'), `${appArmorProfile.name} (enforce)`);
	await using root = await makeStepRoot();
	const script = 'cat /proc/self/attr/current; echo x > /tmp/file && cat /tmp/file; sleep 100 & kill $!; su user -c "cat /proc/self/attr/current"; echo x > /proc/kcore';
	const {stdout, stderr} = await root.run(script, {environment});
	t.is(stdout, `${appArmorProfile.name} (enforce)\nx\n${appArmorProfile.name} (enforce)\n`);
	t.regex(stderr, /\/proc\/kcore: Permission denied\n$/v);
	const insecure = await root.run('cat /proc/self/attr/current; mount -t tmpfs x /tmp && echo mounted', {environment, security: 'insecure'});
	t.is(insecure.stdout, 'unconfined\nmounted\n');
});
