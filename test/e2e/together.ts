import process from 'node:process';
import test from 'ava';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject} from '../support/project.ts';

test('stages that do not need each other run at the same time', async t => {
	// Each stage waits for the other one over the host's loopback: one after the other they would never end.
	const port = 20_000 + (process.pid % 20_000);
	await using project = await makeProject({
		Dockerfile: `FROM base AS one
RUN echo from one | nc -l -p ${port} > /heard
FROM base AS two
RUN until echo from two | nc 127.0.0.1 ${port} > /heard 2>/dev/null && test -s /heard; do sleep 0.1; done
FROM scratch
COPY --from=one /heard /one
COPY --from=two /heard /two
`,
	});
	const result = await project.build('--network', 'host');
	t.is(result.exitCode, 0, result.stderr);
});

test('eight builds at once on one store all make their image, and nothing is left', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nARG N\nRUN echo shared > /shared\nRUN echo $N > /n\n'});
	const results = await Promise.all(Array.from({length: 8}, async (_, n) => project.build('-t', `app:${n}`, '--build-arg', `N=${n % 4}`)));
	t.deepEqual(results.filter(({exitCode}) => exitCode !== 0).map(({stderr}) => stderr), []);
	await assertNothingLeft(t, project.root);
});
