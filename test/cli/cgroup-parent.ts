import test from 'ava';
import {readCgroupParent} from '../../src/cli/cgroup-parent.ts';

const parents = {
	ci: 'ci',
	'/ci/builds/': 'ci/builds',
	'ci.slice': 'ci.slice',
	'a-b-c.slice': 'a.slice/a-b.slice/a-b-c.slice',
	'/a.slice/x-y.scope': 'a.slice/x-y.scope',
};

for (const [text, parent] of Object.entries(parents)) {
	test(`${text} is the cgroup ${parent}`, t => {
		t.is(readCgroupParent(text), parent);
	});
}

for (const text of ['', '/', '..', 'a/../../b', 'a/.', 'a\0b', 'a\nb', 'a b', 'cgroup.procs', '-.slice', 'a--b.slice', '-a.slice', 'x'.repeat(256)]) {
	test(`${JSON.stringify(text).slice(0, 20)} is no cgroup`, t => {
		t.throws(() => readCgroupParent(text), {code: 'ERR_TSBUILD_REQUEST', message: /^invalid cgroup parent /v});
	});
}
