import test from 'ava';
import fc from 'fast-check';
import {capabilityNames, defaultCapabilities} from '../../../solver/executor/capabilities.ts';
import {
	defaultSeccompProfile,
	selectRules,
	type ArgumentCondition,
	type ProfileConditions,
	type SeccompProfile,
	type SeccompRule,
} from '../../../solver/executor/seccomp-profile.ts';
import {assembleSeccompFilter} from '../../../solver/executor/seccomp.ts';
import {syscallTables, type SyscallTable} from '../../../solver/executor/syscall-tables.ts';
import {runFilter} from '../../support/classic-bpf.ts';
import {sampleArguments} from '../../support/seccomp-arguments.ts';

const allow = 0x7F_FF_00_00;
const killProcess = 0x80_00_00_00;
const notPermitted = 0x00_05_00_01;
const notImplemented = 0x00_05_00_26;

const onX86: ProfileConditions = {architecture: 'x86_64', capabilities: defaultCapabilities, kernelVersion: '6.1.0-37-amd64'};
const onArm: ProfileConditions = {...onX86, architecture: 'arm64'};

/** Gives the verdict by the words of the profile, without any program. */
function createJudge(profile: SeccompProfile, conditions: ProfileConditions, table: SyscallTable): (number: number, argument: bigint) => number {
	const rules = selectRules(profile, conditions);
	const mentions = rules.flatMap(rule => rule.names.map(name => ({rule, number: table.numbers.get(name) ?? -1})));
	const byNumber = Map.groupBy(mentions, ({number}) => number);
	const newest = Math.max(...byNumber.keys().filter(number => number < 0xF_00_00));
	return (number, argument) => {
		const mentioned = byNumber.get(number)?.map(({rule}) => rule) ?? [];
		const rule = mentioned.find(({args = []}) => args.length === 0)
			?? mentioned.find(({args = []}) => args.every(condition => holds(condition, argument)));
		if (rule?.action === 'SCMP_ACT_ALLOW') {
			return allow;
		}

		const isNew = mentioned.length === 0 && number > newest;
		return isNew ? notImplemented : 0x00_05_00_00 + (rule?.errnoRet ?? profile.defaultErrnoRet);
	};
}

function holds({op, value, valueTwo = 0}: ArgumentCondition, argument: bigint): boolean {
	const number = BigInt(value);
	switch (op) {
		case 'SCMP_CMP_EQ': {
			return argument === number;
		}

		case 'SCMP_CMP_NE': {
			return argument !== number;
		}

		case 'SCMP_CMP_LT': {
			return argument < number;
		}

		case 'SCMP_CMP_LE': {
			return argument <= number;
		}

		case 'SCMP_CMP_GT': {
			return argument > number;
		}

		case 'SCMP_CMP_GE': {
			return argument >= number;
		}

		case 'SCMP_CMP_MASKED_EQ': {
			return (argument & number) === BigInt(valueTwo);
		}

		default: {
			throw new TypeError(op);
		}
	}
}

function assembleDefault(conditions: ProfileConditions): Uint8Array {
	return assembleSeccompFilter({profile: defaultSeccompProfile, ...conditions});
}

function verdictOf(filter: Uint8Array, table: SyscallTable, name: string, ...values: readonly bigint[]): number {
	const number = table.numbers.get(name);
	if (number === undefined) {
		throw new TypeError(`there is no ${name}`);
	}

	return runFilter(filter, {number, architecture: table.auditArchitecture, arguments: values}).verdict;
}

const decidesAsProfile = test.macro({
	exec(t, conditions: ProfileConditions) {
		const filter = assembleDefault(conditions);
		t.true(filter.length / 8 <= 4096);
		const wrong: string[] = [];
		for (const table of syscallTables(conditions.architecture)) {
			const expect = createJudge(defaultSeccompProfile, conditions, table);
			const numbers = new Set([
				...Array.from({length: 600}, (_, number) => number),
				...table.numbers.values(),
				0x40_00_00_00,
				0x40_00_00_3B,
				0x7F_FF_FF_FF,
				0xFF_FF_FF_FF,
			]);
			for (const number of numbers) {
				for (const argument of sampleArguments) {
					const {verdict} = runFilter(filter, {number, architecture: table.auditArchitecture, arguments: [argument]});
					const expected = expect(number, argument);
					if (verdict !== expected) {
						wrong.push(`call ${number}(${argument}) of 0x${table.auditArchitecture.toString(16)}: 0x${verdict.toString(16)}, not 0x${expected.toString(16)}`);
					}
				}
			}
		}

		t.deepEqual(wrong, []);
	},
	title(_providedTitle, {architecture, capabilities, kernelVersion}: ProfileConditions) {
		return `the filter decides every call as the profile says on ${architecture} ${kernelVersion} with ${capabilities.length} capabilities`;
	},
});

test(decidesAsProfile, onX86);
test(decidesAsProfile, onArm);
test(decidesAsProfile, {...onX86, capabilities: capabilityNames});
test(decidesAsProfile, {...onArm, capabilities: capabilityNames});
test(decidesAsProfile, {...onX86, capabilities: [], kernelVersion: '4.7'});

test('a step may do what programs need and not what reaches the host', t => {
	const filter = assembleDefault(onX86);
	const [native, compatible] = syscallTables('x86_64');
	for (const table of [native, compatible]) {
		t.is(verdictOf(filter, table, 'execve'), allow);
		t.is(verdictOf(filter, table, 'chroot'), allow);
		t.is(verdictOf(filter, table, 'ptrace'), allow);
		t.is(verdictOf(filter, table, 'mount'), notPermitted);
		t.is(verdictOf(filter, table, 'unshare'), notPermitted);
		t.is(verdictOf(filter, table, 'bpf'), notPermitted);
		t.is(verdictOf(filter, table, 'keyctl'), notPermitted);
		t.is(verdictOf(filter, table, 'open_by_handle_at'), notPermitted);
		t.is(verdictOf(filter, table, 'io_uring_setup'), notPermitted);
		t.is(verdictOf(filter, table, 'clone3'), notImplemented, 'so that a C library falls back to clone, whose flags can be read');
		t.is(verdictOf(filter, table, 'clone', 0x1_20_01_1Fn), allow);
		t.is(verdictOf(filter, table, 'clone', 0x10_00_00_11n), notPermitted, 'CLONE_NEWUSER');
		t.is(verdictOf(filter, table, 'socket', 1n), allow, 'AF_UNIX');
		t.is(verdictOf(filter, table, 'socket', 16n), allow, 'AF_NETLINK');
		t.is(verdictOf(filter, table, 'socket', 40n), notPermitted, 'AF_VSOCK');
		t.is(verdictOf(filter, table, 'personality', 0xFF_FF_FF_FFn), allow);
		t.is(verdictOf(filter, table, 'personality', 0x4_00_00n), notPermitted, 'ADDR_NO_RANDOMIZE');
	}
});

test('a call of another architecture ends the process', t => {
	for (const conditions of [onX86, onArm]) {
		const own = new Set(syscallTables(conditions.architecture).map(table => table.auditArchitecture));
		const filter = assembleDefault(conditions);
		const foreign = [0, 0xC0_00_00_3E, 0x40_00_00_03, 0xC0_00_00_B7, 0x40_00_00_28, 0x80_00_00_16, 0xFF_FF_FF_FF].filter(number => !own.has(number));
		for (const architecture of foreign) {
			t.is(runFilter(filter, {number: 0, architecture, arguments: []}).verdict, killProcess);
		}
	}
});

test('x32 calls and those newer than the profile are not implemented', t => {
	const filter = assembleDefault(onX86);
	const [native] = syscallTables('x86_64');
	for (const number of [0x40_00_00_00, 0x40_00_00_01, 0x40_00_02_08, 467, 548, 999, 0xFF_FF_FF_FF]) {
		t.is(runFilter(filter, {number, architecture: native.auditArchitecture, arguments: []}).verdict, notImplemented, String(number));
	}
});

test('the calls that 32 bit ARM keeps to itself are allowed, and do not hide which calls are new', t => {
	const filter = assembleDefault(onArm);
	const [, arm] = syscallTables('arm64');
	t.is(verdictOf(filter, arm, 'set_tls'), allow);
	t.is(verdictOf(filter, arm, 'cacheflush'), allow);
	t.is(runFilter(filter, {number: 0xF_00_03, architecture: arm.auditArchitecture, arguments: []}).verdict, notImplemented);
	t.is(runFilter(filter, {number: 999, architecture: arm.auditArchitecture, arguments: []}).verdict, notImplemented);
});

test('no plain call costs more than 15 instructions', t => {
	const filter = assembleDefault(onX86);
	const [native] = syscallTables('x86_64');
	const withConditions = new Set(['socket', 'personality', 'clone']);
	const plain = native.numbers.entries().filter(([name]) => !withConditions.has(name));
	const costs = plain.map(([, number]) => runFilter(filter, {number, architecture: native.auditArchitecture, arguments: []}).steps);
	t.true(Math.max(...costs) <= 15);
});

test('a capability brings its calls and takes the rules for those without it away', t => {
	const filter = assembleDefault({...onX86, capabilities: ['CAP_SYS_ADMIN', 'CAP_DAC_READ_SEARCH']});
	const [native] = syscallTables('x86_64');
	t.is(verdictOf(filter, native, 'mount'), allow);
	t.is(verdictOf(filter, native, 'clone3'), allow);
	t.is(verdictOf(filter, native, 'clone', 0x10_00_00_11n), allow);
	t.is(verdictOf(filter, native, 'open_by_handle_at'), allow);
	t.is(verdictOf(filter, native, 'chroot'), notPermitted);
});

test('an old kernel does not get ptrace', t => {
	const [native] = syscallTables('x86_64');
	for (const [kernelVersion, verdict] of [['4.7.9', notPermitted], ['4.8.0', allow], ['4.19-generic', allow], ['10.0', allow]] as const) {
		t.is(verdictOf(assembleDefault({...onX86, kernelVersion}), native, 'ptrace'), verdict, `on ${kernelVersion}`);
	}

	t.throws(() => assembleDefault({...onX86, kernelVersion: 'unknown'}), {instanceOf: TypeError});
});

test('a profile with an unknown action or comparison is refused', t => {
	const withRule = (rule: Partial<SeccompRule>): SeccompProfile => ({
		...defaultSeccompProfile,
		syscalls: [{names: ['read'], action: 'SCMP_ACT_ALLOW', ...rule}],
	});
	t.throws(() => assembleSeccompFilter({...onX86, profile: withRule({action: 'SCMP_ACT_NOTIFY'})}), {instanceOf: TypeError, message: /SCMP_ACT_NOTIFY/v});
	t.throws(() => assembleSeccompFilter({...onX86, profile: withRule({args: [{index: 0, value: 1, op: 'SCMP_CMP_ALMOST'}]})}), {instanceOf: TypeError, message: /SCMP_CMP_ALMOST/v});
});

test('a profile that does not fit into 4096 instructions is refused', t => {
	const rules = Array.from({length: 2000}, (_, value) => ({names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{index: 0, value, op: 'SCMP_CMP_EQ'}]}));
	t.throws(() => assembleSeccompFilter({...onX86, profile: {...defaultSeccompProfile, syscalls: rules}}), {instanceOf: TypeError, message: /4096/v});
});

test('conditions of any profile hold for the same arguments as their words say', t => {
	const condition = fc.record({
		index: fc.constant(0),
		op: fc.constantFrom('SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_GT', 'SCMP_CMP_GE', 'SCMP_CMP_MASKED_EQ'),
		value: fc.constantFrom(0, 1, 2, 255, 0xFF_FF_FF_FF, 0x1_00_00_00_00, 0x1_00_00_00_01, 0x3_00_00_00_02, Number.MAX_SAFE_INTEGER),
		valueTwo: fc.constantFrom(0, 1, 2, 0x1_00_00_00_00),
	});
	const rule = fc.record({
		names: fc.subarray(['read', 'write', 'close', 'uretprobe'], {minLength: 1}),
		action: fc.constantFrom('SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO'),
		errnoRet: fc.integer({min: 1, max: 133}),
		args: fc.array(condition, {maxLength: 3}),
	});
	const argument = fc.oneof(
		fc.constantFrom(0n, 1n, 2n, 254n, 0xFF_FF_FF_FFn, 0x1_00_00_00_00n, 0x1_00_00_00_01n, 0x3_00_00_00_02n, 0xFF_FF_FF_FF_FF_FF_FF_FFn),
		fc.bigInt({min: 0n, max: 0xFF_FF_FF_FF_FF_FF_FF_FFn}),
	);
	t.notThrows(() => {
		fc.assert(fc.property(fc.array(rule, {minLength: 1, maxLength: 80}), fc.array(argument, {minLength: 1}), (rules, values) => {
			const profile = {defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, syscalls: rules};
			const filter = assembleSeccompFilter({...onX86, profile});
			for (const table of syscallTables('x86_64')) {
				const expect = createJudge(profile, onX86, table);
				for (const number of [0, 1, 2, 3, 4, 5, 6, 335, 336]) {
					for (const value of values) {
						const {verdict} = runFilter(filter, {number, architecture: table.auditArchitecture, arguments: [value]});
						if (verdict !== expect(number, value)) {
							return false;
						}
					}
				}
			}

			return true;
		}), {numRuns: 200});
	});
});
