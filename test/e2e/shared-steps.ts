import test from 'ava';
import {makeProject} from '../support/project.ts';
import {waitForExit, type TsbuildProcess} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

test('a step that several builds need at the same time executes once', async t => {
	await using project = await makeProject({
		Dockerfile: String.raw`FROM base AS one
RUN --mount=type=cache,target=/cache echo one >> /cache/count && sleep 1
FROM base AS two
RUN --mount=type=cache,target=/cache echo two >> /cache/count && sleep 1
FROM base
COPY --from=one /etc/passwd /one
COPY --from=two /etc/passwd /two
ARG N
RUN --mount=type=cache,target=/cache echo "counted $N $(sort /cache/count | tr '\n' ' ')"
`,
	});
	const results = await Promise.all(Array.from({length: 6}, async (_, n) => project.build('--build-arg', `N=${n}`)));
	for (const [n, {exitCode, stderr}] of results.entries()) {
		t.is(exitCode, 0, stderr);
		t.regex(stderr, new RegExp(`counted ${n} one two $`, 'mv'));
	}
});

const takeOver = test.macro<[NodeJS.Signals]>({
	async exec(t, signal) {
		t.timeout(120_000);
		await using project = await makeProject({
			Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/cache if mkdir /cache/begun 2>/dev/null; then echo first has begun; sleep 600; else echo second took over; fi\n',
		});
		const first = project.start();
		await waitForText(first.stderr, 'first has begun\n');
		const second = project.start();
		const end = waitForExit(second);
		const told = await read(second, 'waiting for another build of this step');
		// What nobody reads when a process ends is lost.
		const reading = second.stderr.toArray() as Promise<string[]>;
		first.kill(signal);
		await waitForExit(first);
		const [rest, exitCode] = await Promise.all([reading, end]);
		t.is(exitCode, 0);
		t.regex(told + rest.join(''), /^#\d+ waiting for another build of this step\n[\s\S]*^#\d+ [\d.]+ second took over\n#\d+ DONE/mv);
		// What a killed build has left is swept out by the next.
		const last = await project.build();
		t.regex(last.stderr, /RUN .*\n#\d+ CACHED/v);
	},
	title: (_, signal) => `a build takes a step over from one that was ended by ${signal}`,
});

test(takeOver, 'SIGKILL');
test(takeOver, 'SIGINT');

test('a build that waits takes the result of the other, and can be ended', async t => {
	t.timeout(120_000);
	await using project = await makeProject({
		Dockerfile: `FROM base
RUN --mount=type=cache,target=/cache echo first has begun; until test -e /cache/go; do sleep 0.1; done
`,
	});
	await project.write({Go: 'FROM base\nRUN --mount=type=cache,target=/cache touch /cache/go\n'});
	const first = project.start();
	await waitForText(first.stderr, 'first has begun\n');
	const [second, third] = [project.start(), project.start()];
	const ends = Promise.all([second, first].map(async build => waitForExit(build)));
	const told = await read(second, 'waiting for another build of this step');
	const reading = second.stderr.toArray() as Promise<string[]>;
	await waitForText(third.stderr, 'waiting for another build of this step');
	third.kill('SIGINT');
	t.is(await waitForExit(third), 130);
	const go = await project.build('--file', `${project.context}/Go`);
	t.is(go.exitCode, 0, go.stderr);
	const [rest, exitCodes] = await Promise.all([reading, ends]);
	t.deepEqual(exitCodes, [0, 0]);
	t.regex(told + rest.join(''), /^#\d+ waiting for another build of this step\n[\s\S]*^#\d+ CACHED/mv);
});

/** Reads the standard error until a text stands in it, gives what was read, and leaves the rest. */
async function read({stderr}: TsbuildProcess, wanted: string): Promise<string> {
	let text = '';
	for await (const chunk of stderr.setEncoding('utf8').iterator({destroyOnReturn: false})) {
		text += String(chunk);
		if (text.includes(wanted)) {
			break;
		}
	}

	return text;
}
