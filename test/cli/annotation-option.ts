import test from 'ava';
import {readAnnotationOptions} from '../../src/cli/annotation-option.ts';
import {RequestError} from '../../src/cli/usage-error.ts';

const reads = test.macro({
	exec(t, text: string, expected: Readonly<Record<string, string>>) {
		t.deepEqual(Object.fromEntries(readAnnotationOptions([text])), expected);
	},
	title: (_, text: string) => `the annotation ${JSON.stringify(text)} is read`,
});

test(reads, '', {});
test(reads, 'a=b', {'annotation.a': 'b'});
test(reads, 'a=', {'annotation.a': ''});
test(reads, 'org.example.A=b=c:d', {'annotation.org.example.A': 'b=c:d'});
test(reads, 'manifest:a=b', {'annotation-manifest.a': 'b'});
test(reads, 'index,manifest-descriptor:a=b', {'annotation-index.a': 'b', 'annotation-manifest-descriptor.a': 'b'});
test(reads, 'manifest[linux/arm64]:a=b', {'annotation-manifest[linux/arm64].a': 'b'});

test('the last of equal ones counts', t => {
	t.deepEqual(Object.fromEntries(readAnnotationOptions(['a=1', 'b=2', 'a=3'])), {'annotation.a': '3', 'annotation.b': '2'});
});

const refuses = test.macro({
	exec(t, text: string, message: string) {
		t.throws(() => readAnnotationOptions([text]), {instanceOf: RequestError, message: `parse annotations: ${message}`});
	},
	title: (_, text: string) => `the annotation ${JSON.stringify(text)} is refused`,
});

test(refuses, 'foo', 'invalid annotation "foo", expected key=value');
test(refuses, 'level:a=b', 'unknown annotation type "level"');
test(refuses, 'manifest,Index:a=b', 'invalid annotation type "Index", expected type and optional platform in square brackets');
test(refuses, 'manifest[]:a=b', 'invalid annotation type "manifest[]", expected type and optional platform in square brackets');
test(refuses, ':a=b', 'invalid annotation type "", expected type and optional platform in square brackets');
