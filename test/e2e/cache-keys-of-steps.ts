import test from 'ava';
import {makeProject} from '../support/project.ts';

/*
What of a stage may be written in another way, so that its last step is found again, and what may not. All cases are stages of one Dockerfile, which is built twice. What is to be expected was compared with BuildKit of Docker 20.10.24, as far as that knows the instructions.
*/

type Case = {
	readonly what: string;
	/** The stage without its FROM; `%` is the number of the case. */
	readonly before: string;
	readonly after: string;
};

const step = 'RUN echo %';

const found: readonly Case[] = [
	...[
		['LABEL a=1', 'LABEL a=2'],
		['EXPOSE 80', 'EXPOSE 81'],
		['CMD ["a"]', 'CMD ["b"]'],
		['ENTRYPOINT ["a"]', 'ENTRYPOINT ["b"]'],
		['STOPSIGNAL 1', 'STOPSIGNAL 2'],
		['HEALTHCHECK CMD a', 'HEALTHCHECK NONE'],
		['VOLUME /a', 'VOLUME /b'],
		['ONBUILD RUN a', 'ONBUILD RUN b'],
		['MAINTAINER a', 'MAINTAINER b'],
		['ENV A=1 B=2', 'ENV A=1\nENV B=2'],
		['ENV A=1', 'ENV "A"="1"'],
		['ENV A=1', 'ENV A 1'],
		['ENV A=1', 'ENV A=0\nENV A=1'],
		['ARG X=1', 'ENV X=1'],
		['ARG GIVEN\nENV GIVEN=x', 'ARG GIVEN\nENV GIVEN=x'],
	].map(([before = '', after = '']) => ({what: after, before: `${before}\n${step}`, after: `${after}\n${step}`})),
	...[
		'WORKDIR /',
		'ARG X',
		'# comment\n\n',
		'FROM case-% AS again-%',
	].map(line => ({what: line, before: step, after: `${line}\n${step}`})),
	...[
		['run echo %', step],
		['   RUN    echo %   ', step],
		['RUN echo % \\\n&& true', 'RUN echo % && true'],
		['RUN echo % \\\n# comment\n\n && true', 'RUN echo % \\\n && true'],
		['RUN [ "echo","%" ]', 'RUN ["echo", "%"]'],
		['RUN ["/bin/sh", "-c", "echo %"]', step],
		['SHELL ["/bin/sh", "-ec"]\nRUN ["echo", "%"]', 'RUN ["echo", "%"]'],
		['RUN <<OTHER\necho %\nOTHER', 'RUN <<EOF\necho %\nEOF'],
		['RUN <<-\'EOF\'\n\techo %\nEOF', 'RUN <<EOF\necho %\nEOF'],
		['RUN echo %\nARG GIVEN', 'RUN echo %\nARG GIVEN'],
		['RUN --network=default echo %', step],
		['RUN --mount=target=/m,from=two,source=/same echo %', 'RUN --mount=target=/m,from=one,source=/same echo %'],
		['RUN --mount=target=/b,from=two --mount=target=/a,from=one echo %', 'RUN --mount=target=/a,from=one --mount=target=/b,from=two echo %'],
		// What is mounted below another mount is seen in either order.
		['RUN --mount=type=tmpfs,target=/a --mount=target=/a/m,from=one test -e /a/m/same && echo %', 'RUN --mount=target=/a/m,from=one --mount=type=tmpfs,target=/a test -e /a/m/same && echo %'],
		['RUN --mount=type=cache,target=/c,id=2,sharing=locked echo %', 'RUN --mount=type=cache,target=/c,id=1 echo %'],
		['COPY --from=two /same /%', 'COPY --from=one /same /%'],
		['COPY f ./copy%', 'COPY f /copy%'],
		['COPY ["f", "/copy%"]', 'COPY f /copy%'],
		['USER 1\nCOPY f /copy%', 'COPY f /copy%'],
		['ENV A=1\nLABEL a=b\nSHELL ["x"]\nCOPY f /copy%', 'COPY f /copy%'],
		['ARG GIVEN\nCOPY f /copy%', 'ARG GIVEN\nCOPY f /copy%'],
	].map(([after = '', before = '']) => ({what: after, before, after})),
];

const executed: readonly Case[] = [
	...[
		['USER 1', 'USER 2'],
		['', 'USER root'],
		['WORKDIR /a', 'WORKDIR /b'],
		['WORKDIR /a/b', 'WORKDIR /a\nWORKDIR b'],
		['', 'SHELL ["/bin/sh", "-ec"]'],
		['ENV A=1', 'ENV A=2'],
		['ENV A=1 B=2', 'ENV B=2 A=1'],
		['ARG X=1', 'ARG X=2'],
		['', 'ARG X='],
		['ARG GIVEN', 'ARG GIVEN'],
		['ARG GIVEN\nENV Y=$GIVEN', 'ARG GIVEN\nENV Y=$GIVEN'],
		['ARG HTTP_PROXY', 'ARG HTTP_PROXY'],
		['', 'ARG TARGETARCH'],
		['COPY f /copy%', 'COPY --chown=1 f /copy%'],
		['ARG GIVEN\nCOPY f$GIVEN /copy%', 'ARG GIVEN\nCOPY f$GIVEN /copy%'],
	].map(([before = '', after = '']) => ({what: after, before: `${before}\n${step}`, after: `${after}\n${step}`})),
	...[
		['RUN echo % \\\n    && true', 'RUN echo % \\\n && true'],
		['RUN echo % # comment', step],
		['RUN echo "%"', step],
		['RUN <<EOF\necho %\nEOF', step],
		['RUN sh <<OTHER\necho %\nOTHER', 'RUN sh <<EOF\necho %\nEOF'],
		['RUN --network=none echo %', step],
		['RUN --mount=type=cache,target=/d,id=1 echo %', 'RUN --mount=type=cache,target=/c,id=1 echo %'],
		['RUN --mount=type=secret,id=s echo %', step],
		['RUN --mount=type=tmpfs,target=/t,size=1m echo %', 'RUN --mount=type=tmpfs,target=/t echo %'],
		['RUN --mount=target=/n,from=one echo %', 'RUN --mount=target=/m,from=one echo %'],
		['COPY f1 /copy%', 'COPY f /copy%'],
		['COPY g f /copy%/', 'COPY f g /copy%/'],
		['COPY d/ /copy%', 'COPY d /copy%/'],
		['COPY --link f /copy%', 'COPY f /copy%'],
		['ADD f /copy%', 'COPY f /copy%'],
		['WORKDIR /copy%\nCOPY f x', 'COPY f /copy%/x'],
		['COPY <<OTHER /copy%\ntext\nOTHER', 'COPY <<EOF /copy%\ntext\nEOF'],
	].map(([after = '', before = '']) => ({what: after, before, after})),
];

const cases = [...found, ...executed].map(({what, before, after}, index) => {
	const number = `9${String(index).padStart(2, '0')}`;
	const stage = (text: string) => `FROM start AS case-${number}\n${text.split('%').join(number)}\n`;
	return {
		number, what: what.split('%').join(number), before: stage(before), after: stage(after),
	};
});

function dockerfileOf(stages: readonly string[]): string {
	const names = stages.map(stage => stage.matchAll(/^FROM \S+ AS (?<name>\S+)$/gmv).toArray().at(-1)!.groups!.name!);
	return `FROM base AS start
COPY f /
FROM start AS one
RUN echo same > /same && chown 1 /same
FROM start AS two
RUN chown 1 /f; echo same > /same && chown 1 /same
${stages.join('')}FROM scratch
${names.map(name => `COPY --from=${name} /f /${name}`).join('\n')}
`;
}

/** The numbers of the cases whose last step was executed. */
function executedCases(stderr: string): readonly string[] {
	const steps = stderr.matchAll(/^#(?<id>\d+) \[(?:case|again)-(?<number>9\d\d) (?<place>\d)\/\d\]/gmv).map(match => match.groups!);
	const inOrder = steps.toArray().toSorted((left, right) => Number(left.place) - Number(right.place));
	const lastSteps = new Map(inOrder.map(({number, id}) => [number!, id!]));
	return lastSteps.entries().filter(([, id]) => !stderr.includes(`\n#${id} CACHED\n`)).map(([number]) => number).toArray().toSorted();
}

test('a step is found again if it does the same, and executed if it may not', async t => {
	t.timeout(300_000);
	await using project = await makeProject({
		Dockerfile: dockerfileOf(cases.map(({before}) => before)), f: 'f', f1: 'f', f2: 'f', g: 'g', 'd/x': 'x',
	});
	const build = async (given: string) => project.build('--build-arg', `GIVEN=${given}`, '--build-arg', `HTTP_PROXY=http://proxy-${given}.example`, '-o', 'type=cacheonly');
	const first = await build('1');
	t.is(first.exitCode, 0, first.stderr);
	t.deepEqual(executedCases(first.stderr), cases.map(({number}) => number));
	await project.write({Dockerfile: dockerfileOf(cases.map(({after}) => after))});
	const second = await build('2');
	t.is(second.exitCode, 0, second.stderr);
	const numbers = executedCases(second.stderr);
	const described = cases.map(({number, what}) => `${numbers.includes(number) ? 'executed' : 'found'}: ${what}`);
	t.deepEqual(described, cases.map(({what}, index) => `${index < found.length ? 'found' : 'executed'}: ${what}`));
});
