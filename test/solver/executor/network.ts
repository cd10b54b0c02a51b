import {readFileSync, readlinkSync} from 'node:fs';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import {makeStepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

test('without a network there is lo, which is up, and nothing else', async t => {
	await using root = await makeStepRoot();
	const script = 'ls /sys/class/net; ip -o link | grep -c "LOOPBACK,UP"; ping -c 1 127.0.0.1 | grep -c "1 packets received"; readlink /proc/self/ns/net';
	const {stdout} = await root.run(script, {environment, network: 'none'});
	t.regex(stdout, /^lo\n1\n1\nnet:/v);
	t.false(stdout.includes(readlinkSync('/proc/self/ns/net')));
});

test('on the host\'s network the step has the interfaces and the resolver of the host', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('readlink /proc/self/ns/net; cat /etc/resolv.conf', {environment, network: 'host'});
	t.is(stdout, `${readlinkSync('/proc/self/ns/net')}\n${readFileSync('/etc/resolv.conf', 'utf8')}`);
});
