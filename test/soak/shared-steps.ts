import process from 'node:process';
import test from 'ava';
import {makeProject} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const rounds = Number(process.env.TSBUILD_SOAK_ROUNDS ?? 8);
const builds = 8;

test(`${builds} builds at once on one store execute each step once, ${rounds} times over, while another command prunes`, async t => {
	t.timeout(1_800_000);
	await using project = await makeProject({
		Dockerfile: String.raw`FROM base AS one
ARG ROUND
RUN --mount=type=cache,target=/cache echo "one $ROUND" >> /cache/count && echo $ROUND > /one
FROM base AS two
ARG ROUND
RUN --mount=type=cache,target=/cache echo "two $ROUND" >> /cache/count && echo $ROUND > /two
FROM base
ARG ROUND
COPY --from=one /one /
COPY --from=two /two /
RUN --mount=type=cache,target=/cache echo "three $ROUND" >> /cache/count
RUN --mount=type=cache,target=/cache echo "counted $(grep -c " $ROUND\$" /cache/count)" && cat /one /two
`,
	});
	for (let round = 1; round <= rounds; round++) {
		const pruning = tsbuild(['prune', '--force', '--filter', 'type=regular', '--filter', 'until=1s'], {root: project.root});
		const results = await Promise.all(Array.from({length: builds}, async () => project.build('--build-arg', `ROUND=${round}`)));
		t.deepEqual(results.filter(({exitCode}) => exitCode !== 0).map(({stderr}) => stderr), []);
		const output = results.map(({stderr}) => stderr).join('');
		t.regex(output, new RegExp(`counted 3\n#\\d+ [\\d.]+ ${round}\n#\\d+ [\\d.]+ ${round}\n`, 'v'));
		const {exitCode} = await pruning;
		t.is(exitCode, 0);
	}
});
