import test from 'ava';
import {readCall, type CallOption} from '../../src/cli/call-option.ts';
import {UsageError} from '../../src/cli/usage-error.ts';

type CallFlags = Parameters<typeof readCall>[0];

const reads = test.macro({
	exec(t, flags: CallFlags, expected: CallOption | undefined) {
		t.deepEqual(readCall(flags), expected);
	},
	title: (_, flags: CallFlags) => `${JSON.stringify(flags)} is read`,
});

test(reads, {call: undefined, check: undefined}, undefined);
test(reads, {call: '', check: undefined}, undefined);
test(reads, {call: 'build', check: undefined}, undefined);
test(reads, {call: 'build,format=json', check: undefined}, undefined);
test(reads, {call: undefined, check: true}, {method: 'check', isJson: false, isStatusIgnored: false});
test(reads, {call: 'outline', check: true}, {method: 'check', isJson: false, isStatusIgnored: false});
test(reads, {call: 'outline', check: undefined}, {method: 'outline', isJson: false, isStatusIgnored: false});
test(reads, {call: 'format=json,check', check: undefined}, {method: 'check', isJson: true, isStatusIgnored: false});
test(reads, {call: 'check,ignorestatus=1,format=xml', check: undefined}, {method: 'check', isJson: false, isStatusIgnored: true});
test(reads, {call: '"check"', check: undefined}, {method: 'check', isJson: false, isStatusIgnored: false});
test(reads, {call: 'format=json', check: undefined}, {method: '', isJson: true, isStatusIgnored: false});

const refuses = test.macro({
	exec(t, call: string, message: string) {
		t.throws(() => readCall({call, check: undefined}), {instanceOf: UsageError, message});
	},
	title: (_, call: string) => `${call} is refused`,
});

test(refuses, 'a,b', 'invalid print value: a,b');
test(refuses, 'check,verbose=true', 'invalid print field: verbose=true');
test(refuses, 'check,ignorestatus=maybe', 'invalid ignorestatus print value: maybe: strconv.ParseBool: parsing "maybe": invalid syntax');
test(refuses, '"check', 'parse error on line 1, column 6: extraneous or missing " in quoted-field');
