import {fstatSync} from 'node:fs';
import test from 'ava';
import {examineKernel} from '../../src/doctor/kernel.ts';

test('the kernel is told, and no descriptor of the program is closed', async t => {
	const standardStreams = () => [0, 1, 2].map(number => fstatSync(number).ino);
	const before = standardStreams();
	const findings = await examineKernel({root: '/nonexistent', environment: {}});
	t.like(findings, [{topic: 'kernel', status: 'ok'}]);
	t.deepEqual(standardStreams(), before);
});
