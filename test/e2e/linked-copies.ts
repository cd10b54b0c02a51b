import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {openLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import {parseImageDocument} from '../../src/kernel/image-documents.ts';
import {makeProject, type Project} from '../support/project.ts';
import {succeeded} from '../support/tsbuild.ts';

const dockerfile = `FROM base
ARG VERSION
RUN echo $VERSION > /version; ln -s /etc /link
COPY --link file /link/file
COPY --link --chown=1:2 folder /folder/
`;

async function build(project: Project, ...flags: readonly string[]): Promise<string> {
	return succeeded(await project.build('-o', `type=local,dest=${path.join(project.directory, 'out')}`, ...flags)).stderr;
}

/** What was shown of the steps, without numbers and times. */
function stepsOf(progress: string): readonly string[] {
	const names = new Map(progress.matchAll(/^#(?<number>\d+) \[\d\/\d\] (?<name>.*)$/gmv).map(({groups}) => [groups!.number, groups!.name!]));
	const ends = progress.matchAll(/^#(?<number>\d+) (?<end>DONE|CACHED|ERROR)/gmv);
	return ends.filter(({groups}) => names.has(groups!.number)).map(({groups}) => `${groups!.end} ${names.get(groups!.number)}`).toArray().toSorted();
}

async function layersIn(layout: ContentStore): Promise<readonly string[]> {
	const {manifests} = await layout.readIndex();
	const document = parseImageDocument(await layout.readBytes(manifests[0]!.digest), '');
	return document.kind === 'manifest' ? document.manifest.layers.map(({digest}) => digest) : [];
}

test('a linked copy follows no link of the base image, and is one step', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, file: 'F', 'folder/a': 'A'});
	const progress = await build(project, '--build-arg', 'VERSION=1');
	t.deepEqual(stepsOf(progress), [
		'DONE COPY --link --chown=1:2 folder /folder/',
		'DONE COPY --link file /link/file',
		'DONE RUN echo 1 > /version; ln -s /etc /link',
	]);
	t.is(await readFile(path.join(project.directory, 'out/link/file'), 'utf8'), 'F');
	t.is(await readFile(path.join(project.directory, 'out/folder/a'), 'utf8'), 'A');
	const cached = await build(project, '--build-arg', 'VERSION=1');
	t.true(stepsOf(cached).every(step => step.startsWith('CACHED ')));
});

test('another base image does not make a linked copy anew', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, file: 'F', 'folder/a': 'A'});
	const archives = [];
	for (const version of ['1', '2']) {
		const layout = path.join(project.directory, `layout-${version}`);
		await build(project, '--build-arg', `VERSION=${version}`, '-o', `type=oci,tar=false,dest=${layout}`);
		archives.push(await layersIn(await openLayout(layout)));
	}

	const [first, second] = archives;
	t.is(first![0], second![0]);
	t.not(first![1], second![1]);
	t.deepEqual(first!.slice(2), second!.slice(2));
});

test('what is wrong with a linked copy is told once', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nCOPY --link missing /x\n'});
	const {exitCode, stderr} = await project.build();
	t.is(exitCode, 1);
	t.deepEqual(stepsOf(stderr), ['ERROR COPY --link missing /x']);
	t.regex(stderr, /^ > \[1\/2\] COPY --link missing \/x:$/mv);
	t.regex(stderr, /^ERROR: failed to build: failed to solve: .*"\/missing": not found$/mv);
});

test('--link does nothing together with --chmod, as with BuildKit', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN mkdir /real && ln -s /real /link\nCOPY --link --chmod=600 file /link/\nRUN cat /real/file\n', file: 'F'});
	await build(project);
	t.is(await readFile(path.join(project.directory, 'out/real/file'), 'utf8'), 'F');
});

test('linked copies onto scratch, of a stage, and twice the same work', async t => {
	await using project = await makeProject({
		Dockerfile: [
			'FROM scratch AS first',
			'COPY --link file /',
			'COPY --link file /',
			'FROM base',
			'COPY --link --from=first /file /copied/',
			'COPY --link <<END /text',
			'inline',
			'END',
			'ADD --link file /added',
			'RUN cat /copied/file /text /added',
			'',
		].join('\n'),
		file: 'F',
	});
	await build(project);
	const files = await Promise.all(['copied/file', 'text', 'added'].map(async name => readFile(path.join(project.directory, 'out', name), 'utf8')));
	t.deepEqual(files, ['F', 'inline\n', 'F']);
});
