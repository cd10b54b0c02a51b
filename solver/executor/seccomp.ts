import {constants} from 'node:os';
import {
	branch,
	encodeProgram,
	operation,
	plain,
	type Instruction,
} from './classic-bpf.ts';
import {
	selectRules,
	type ArgumentCondition,
	type ProfileConditions,
	type SeccompProfile,
	type SeccompRule,
} from './seccomp-profile.ts';
import {syscallTables, type SyscallTable} from './syscall-tables.ts';

/*
The return values of a filter. https://man7.org/linux/man-pages/man2/seccomp.2.html
*/
const returnKillProcess = 0x80_00_00_00;
const returnError = 0x00_05_00_00;
const returnAllow = 0x7F_FF_00_00;

/*
The offsets in `struct seccomp_data` on a little endian machine: each argument has its lower word first.
*/
const offsetOfNumber = 0;
const offsetOfArchitecture = 4;
const offsetOfArguments = 16;

/** What a filter is made of. */
export type SeccompFilterOptions = ProfileConditions & {readonly profile: SeccompProfile};

/**
Assembles a seccomp filter in classic BPF.

- The rules are those of the profile that are in force. A rule without conditions on arguments beats those with; of these the first that holds decides; otherwise the default action of the profile does.
- A call with a number above all that the profile names gives ENOSYS, as runc does, so that programs fall back where a C library tries a call newer than the profile. That refuses x32 too, whose numbers have bit 30 set.
- 32 bit programs of the machine's family have a filter of their own numbers (Docker allows them). Any other architecture kills the process.

The tree of comparisons has about 10 instructions on the way to a verdict. The filter depends on nothing but the options; assembling takes 2 ms and the first time 6 ms, so make it once in a process.

@returns an array of `struct sock_filter`, 8 bytes each, 4096 of them at most
@throws {TypeError} when the profile has an action or a comparison that is not known
*/
export function assembleSeccompFilter({profile, ...conditions}: SeccompFilterOptions): Uint8Array {
	const rules = selectRules(profile, conditions);
	let program: Instruction[] = [plain(operation.return, returnKillProcess)];
	for (const table of syscallTables(conditions.architecture).toReversed()) {
		program = branch(operation.jumpIfEqual, table.auditArchitecture, {
			whenTrue: [plain(operation.load, offsetOfNumber), ...decideByNumber(table, rules, profile)],
			whenFalse: program,
		});
	}

	return encodeProgram([plain(operation.load, offsetOfArchitecture), ...program]);
}

/** The system calls from the number `from` up to the next segment, and what becomes of them. */
type Segment = {readonly from: number; readonly program: readonly Instruction[]};

function decideByNumber(table: SyscallTable, rules: readonly SeccompRule[], profile: SeccompProfile): Instruction[] {
	const programs = programsByNumber(table, rules, profile);
	const otherwise = [plain(operation.return, returnValue(profile.defaultAction, profile.defaultErrnoRet))];
	const unknown = [plain(operation.return, returnError | constants.errno.ENOSYS)];
	const firstUnknown = Math.max(-1, ...programs.keys().filter(number => number < table.privateFrom)) + 1;

	const segments: Segment[] = [];
	let next = 0;
	for (const [number, program] of [...programs].toSorted(([left], [right]) => left - right)) {
		if (number > next) {
			appendSegment(segments, {from: next, program: next < firstUnknown ? otherwise : unknown});
		}

		appendSegment(segments, {from: number, program});
		next = number + 1;
	}

	appendSegment(segments, {from: next, program: unknown});
	return searchSegments(segments);
}

function appendSegment(segments: Segment[], segment: Segment): void {
	const last = segments.at(-1);
	if (last === undefined || !isSameReturn(last.program, segment.program)) {
		segments.push(segment);
	}
}

function isSameReturn([first]: readonly Instruction[], [second]: readonly Instruction[]): boolean {
	return first?.code === operation.return && second?.code === operation.return && first.operand === second.operand;
}

function searchSegments(segments: readonly Segment[]): Instruction[] {
	const middle = Math.floor(segments.length / 2);
	const segment = segments[middle];
	if (segment === undefined || middle === 0) {
		return [...segment?.program ?? []];
	}

	return branch(operation.jumpIfAtLeast, segment.from, {
		whenTrue: searchSegments(segments.slice(middle)),
		whenFalse: searchSegments(segments.slice(0, middle)),
	});
}

function programsByNumber({numbers}: SyscallTable, rules: readonly SeccompRule[], profile: SeccompProfile): Map<number, Instruction[]> {
	const rulesByNumber = new Map<number, SeccompRule[]>();
	for (const rule of rules) {
		for (const name of rule.names) {
			const number = numbers.get(name);
			if (number !== undefined) {
				rulesByNumber.set(number, [...rulesByNumber.get(number) ?? [], rule]);
			}
		}
	}

	return new Map([...rulesByNumber].map(([number, rulesOfCall]) => [number, decideByArguments(rulesOfCall, profile)]));
}

function decideByArguments(rules: readonly SeccompRule[], {defaultAction, defaultErrnoRet}: SeccompProfile): Instruction[] {
	const unconditional = rules.find(({args = []}) => args.length === 0);
	const conditional = unconditional === undefined ? rules : [];
	return [
		...conditional.flatMap(rule => applyRule(rule, defaultErrnoRet)),
		plain(operation.return, returnValue(unconditional?.action ?? defaultAction, unconditional?.errnoRet ?? defaultErrnoRet)),
	];
}

/** Returns when all conditions hold, and goes on after the last instruction when one does not. */
function applyRule({args = [], action, errnoRet}: SeccompRule, defaultError: number): Instruction[] {
	let program: Instruction[] = [plain(operation.return, returnValue(action, errnoRet ?? defaultError))];
	for (const condition of args.toReversed()) {
		program = [...placeSteps(checkArgument(condition), program.length), ...program];
	}

	return program;
}

/** Where a step of a check goes on: with the next step, after the check because the condition holds, or after the rule because it does not. */
type Target = 'next' | 'holds' | 'fails';

type Step =
	| {readonly code: number; readonly operand: number}
	| {readonly code: number; readonly operand: number; readonly ifTrue: Target; readonly ifFalse: Target};

function placeSteps(steps: readonly Step[], lengthOfRest: number): Instruction[] {
	return steps.map((step, index) => {
		const remaining = steps.length - index - 1;
		const skips: Readonly<Record<Target, number>> = {next: 0, holds: remaining, fails: remaining + lengthOfRest};
		const {code, operand} = step;
		return 'ifTrue' in step
			? {
				code, operand, ifTrue: skips[step.ifTrue], ifFalse: skips[step.ifFalse],
			}
			: plain(code, operand);
	});
}

/** Compares the two words of an argument, the upper one first. */
function checkArgument({index, op, value, valueTwo = 0}: ArgumentCondition): Step[] {
	const loadLower = {code: operation.load, operand: offsetOfArguments + (index * 8)};
	const loadUpper = {code: operation.load, operand: loadLower.operand + 4};
	const [upper, lower] = words(value);
	switch (op) {
		case 'SCMP_CMP_EQ': {
			return [
				loadUpper,
				jump('jumpIfEqual', upper, ['next', 'fails']),
				loadLower,
				jump('jumpIfEqual', lower, ['holds', 'fails']),
			];
		}

		case 'SCMP_CMP_NE': {
			return [
				loadUpper,
				jump('jumpIfEqual', upper, ['next', 'holds']),
				loadLower,
				jump('jumpIfEqual', lower, ['fails', 'holds']),
			];
		}

		case 'SCMP_CMP_GT':
		case 'SCMP_CMP_GE': {
			return [
				loadUpper,
				jump('jumpIfGreater', upper, ['holds', 'next']),
				jump('jumpIfEqual', upper, ['next', 'fails']),
				loadLower,
				jump(op === 'SCMP_CMP_GT' ? 'jumpIfGreater' : 'jumpIfAtLeast', lower, ['holds', 'fails']),
			];
		}

		case 'SCMP_CMP_LT':
		case 'SCMP_CMP_LE': {
			return [
				loadUpper,
				jump('jumpIfGreater', upper, ['fails', 'next']),
				jump('jumpIfEqual', upper, ['next', 'holds']),
				loadLower,
				jump(op === 'SCMP_CMP_LE' ? 'jumpIfGreater' : 'jumpIfAtLeast', lower, ['fails', 'holds']),
			];
		}

		case 'SCMP_CMP_MASKED_EQ': {
			const [expectedUpper, expectedLower] = words(valueTwo);
			return [
				loadUpper,
				{code: operation.and, operand: upper},
				jump('jumpIfEqual', expectedUpper, ['next', 'fails']),
				loadLower,
				{code: operation.and, operand: lower},
				jump('jumpIfEqual', expectedLower, ['holds', 'fails']),
			];
		}

		default: {
			throw new TypeError(`${op} is no comparison of seccomp`);
		}
	}
}

function jump(condition: 'jumpIfEqual' | 'jumpIfGreater' | 'jumpIfAtLeast', operand: number, [ifTrue, ifFalse]: readonly [Target, Target]): Step {
	return {
		code: operation[condition], operand, ifTrue, ifFalse,
	};
}

function words(value: number): readonly [upper: number, lower: number] {
	const number = BigInt(value);
	return [Number(BigInt.asUintN(32, number >> 32n)), Number(BigInt.asUintN(32, number))];
}

function returnValue(action: string, errorNumber: number): number {
	switch (action) {
		case 'SCMP_ACT_ALLOW': {
			return returnAllow;
		}

		case 'SCMP_ACT_ERRNO': {
			return returnError | errorNumber;
		}

		default: {
			throw new TypeError(`${action} is no action of a seccomp profile here`);
		}
	}
}
