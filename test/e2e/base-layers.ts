import test from 'ava';
import {makeProject} from '../support/project.ts';

test('FROM shows how much of a layer has come, and that it is unpacked', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN true\n'});
	const first = await project.build();
	t.is(first.exitCode, 0);
	t.regex(first.stderr, /^#\d+ sha256:[\da-f]{64} (?<size>[\d.]+[Mk]?B) \/ \k<size> .*done$/mv);
	t.regex(first.stderr, /^#\d+ extracting sha256:[\da-f]{64} \d+\.\ds done$/mv);
	t.notRegex(first.stderr, /extracting sha256:[\da-f]{64} [\d.]+[Mk]?B/v);
	const second = await project.build();
	t.notRegex(second.stderr, /extracting|sha256:[\da-f]{64} [\d.]+[Mk]?B/v);
});
