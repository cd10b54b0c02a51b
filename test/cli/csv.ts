import test from 'ava';
import {parseCsvRecord, parseKeyValueRecord} from '../../src/cli/csv.ts';

const reads = test.macro({
	exec(t, text: string, fields: readonly string[]) {
		t.deepEqual(parseCsvRecord(text), fields);
	},
	title: (_, text: string) => `the record ${JSON.stringify(text)} is read`,
});

test(reads, 'a', ['a']);
test(reads, 'a,b', ['a', 'b']);
test(reads, 'a,', ['a', '']);
test(reads, ',a', ['', 'a']);
test(reads, '"a,b",c', ['a,b', 'c']);
test(reads, '"a""b"', ['a"b']);
test(reads, '"",x', ['', 'x']);

const refuses = test.macro({
	exec(t, text: string, reason: RegExp) {
		t.throws(() => parseCsvRecord(text), {code: 'ERR_TSBUILD_USAGE', message: reason});
	},
	title: (_, text: string) => `the record ${JSON.stringify(text)} is refused`,
});

test(refuses, 'a"b', /bare "/v);
test(refuses, '"a', /column 2: extraneous or missing "/v);
test(refuses, '"a"b', /extraneous or missing "/v);

test('keys of a record are in lower case, values are not, and the first equals sign divides', t => {
	t.deepEqual(parseKeyValueRecord('Type=OCI,dest=a=b,bare'), [
		{key: 'type', value: 'OCI', field: 'Type=OCI'},
		{key: 'dest', value: 'a=b', field: 'dest=a=b'},
		{key: 'bare', value: undefined, field: 'bare'},
	]);
});
