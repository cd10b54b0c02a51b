import {readFile} from 'node:fs/promises';
import test from 'ava';
import {
	capabilitiesOfMask,
	capabilityMask,
	capabilityNames,
	capabilityNumber,
	defaultCapabilities,
	encodeCapabilityData,
	encodeCapabilityHeader,
} from '../../../solver/executor/capabilities.ts';

test('there are 41 capabilities, as many as this kernel has or more', async t => {
	t.is(capabilityNames.length, 41);
	t.is(new Set(capabilityNames).size, 41);
	const last = Number(await readFile('/proc/sys/kernel/cap_last_cap', 'utf8'));
	t.true(last <= 40);
});

test('capabilities have the numbers of the kernel', t => {
	t.is(capabilityNumber('CAP_CHOWN'), 0);
	t.is(capabilityNumber('CAP_SYS_ADMIN'), 21);
	t.is(capabilityNumber('CAP_MKNOD'), 27);
	t.is(capabilityNumber('CAP_AUDIT_READ'), 37);
	t.is(capabilityNumber('CAP_CHECKPOINT_RESTORE'), 40);
});

test('the default set is the one that Docker shows in /proc/self/status', t => {
	t.is(defaultCapabilities.length, 14);
	t.is(capabilityMask(defaultCapabilities).toString(16).padStart(16, '0'), '00000000a80425fb');
});

test('a mask and a set are the same', t => {
	t.deepEqual(capabilitiesOfMask(capabilityMask(capabilityNames)), [...capabilityNames]);
	t.deepEqual(capabilitiesOfMask(0n), []);
	t.is(capabilityMask([]), 0n);
	t.deepEqual(capabilitiesOfMask(0xFF_FF_FF_00_00_00_00_01n), ['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE'], 'bits without a name are left out');
});

test('the arguments of capset are the two structures of the kernel', t => {
	t.is(encodeCapabilityHeader().toString('hex'), '2205082000000000');
	const data = encodeCapabilityData({
		effective: ['CAP_CHOWN', 'CAP_BPF'],
		permitted: ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_BPF', 'CAP_CHECKPOINT_RESTORE'],
		inheritable: ['CAP_SETFCAP'],
	});
	t.is(data.toString('hex'), '010000000300000000000080800000008001000000000000');
});
