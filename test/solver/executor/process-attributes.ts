import {existsSync} from 'node:fs';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {testWhere} from '../../support/conditions.ts';
import {runProgram} from '../../support/run-program.ts';
import {makeStepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

test('a step does not take over a protection from the killing for lack of memory', async t => {
	// Who may not protect itself can at least offer itself, and take that back.
	const source = `
		import {writeFileSync} from 'node:fs';
		import {prepareContainerEnvironment} from ${JSON.stringify(import.meta.resolve('../../../solver/executor/container-environment.ts'))};
		import {makeStepRoot} from ${JSON.stringify(import.meta.resolve('../../support/step.ts'))};
		writeFileSync('/proc/self/oom_score_adj', '500');
		const environment = await prepareContainerEnvironment();
		await using root = await makeStepRoot();
		for (const dropsProtection of [false, true]) {
			const {stdout} = await root.run('cat /proc/self/oom_score_adj', {environment: {...environment, attributes: {...environment.attributes, dropsProtection}}});
			console.log(environment.attributes.dropsProtection, stdout);
		}
	`;
	t.is(await runProgram(source), 'false 500\n\nfalse 0\n\n');
});

testWhere(!existsSync('/proc/self/attr/apparmor'), 'it needs a kernel without AppArmor')('a profile that cannot be set ends the step before it runs', async t => {
	await using root = await makeStepRoot();
	const confined = {...environment, attributes: {...environment.attributes, appArmorProfile: 'other'}};
	await t.throwsAsync(root.run('echo ran', {environment: confined}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: /^failed to set AppArmor profile other: (?:ENOENT|EINVAL)$/v});
	const {stdout} = await root.run('echo ran', {environment: confined, security: 'insecure'});
	t.is(stdout, 'ran\n');
});
