import test from 'ava';
import {familiarReference, formatReference, parseReference} from '../../src/kernel/reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

const reads = test.macro({
	exec(t, text: string, full: string, familiar: string) {
		const reference = parseReference(text);
		t.is(formatReference(reference), full);
		t.is(familiarReference(reference), familiar);
	},
	title: (_, text: string) => `the reference ${text} is read`,
});

test(reads, 'busybox', 'docker.io/library/busybox:latest', 'busybox:latest');
test(reads, 'busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36');
test(reads, 'user/app', 'docker.io/user/app:latest', 'user/app:latest');
test(reads, 'index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest');
test(reads, 'docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest');
test(reads, 'localhost/app', 'localhost/app:latest', 'localhost/app:latest');
test(reads, 'localhost:5000/app:1', 'localhost:5000/app:1', 'localhost:5000/app:1');
test(reads, 'ghcr.io/a/b/c:v1.2_3-x', 'ghcr.io/a/b/c:v1.2_3-x', 'ghcr.io/a/b/c:v1.2_3-x');
test(reads, `app@${digest}`, `docker.io/library/app@${digest}`, `app@${digest}`);
test(reads, `app:1@${digest}`, `docker.io/library/app:1@${digest}`, `app:1@${digest}`);
test(reads, '[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest');
test(reads, 'a__b/c-d--e', 'docker.io/a__b/c-d--e:latest', 'a__b/c-d--e:latest');

const badReferences = [
	'',
	':',
	'/',
	'app:',
	'app@',
	'App',
	'a//b',
	'a/',
	'-a',
	'a..b',
	'app:bad tag',
	'app:a:b',
	'../x',
	`app@sha256:${'ab'.repeat(31)}`,
	`${'a/'.repeat(130)}b`,
	'a'.repeat(64),
	`app:${'x'.repeat(129)}`,
];

for (const text of badReferences) {
	test(`the reference ${JSON.stringify(text).slice(0, 50)} (${text.length} long) is refused`, t => {
		t.throws(() => parseReference(text), {code: 'ERR_TSBUILD_INVALID_REFERENCE'});
	});
}

test('an upper-case name is told to be one', t => {
	t.throws(() => parseReference('Foo'), {message: /repository name must be lowercase/v});
});
