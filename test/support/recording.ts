import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {
	cp,
	mkdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {makeTemporaryBaseImage} from './base-image.ts';
import {readConfig} from './build-case.ts';
import {asNamespaceRoot} from './namespace-root.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {tsbuild, type TsbuildResult} from './tsbuild.ts';

/** What a recorded command printed, or ours. */
export type Output = Pick<TsbuildResult, 'exitCode' | 'stderr'> & {readonly stdout: string};

/** One call of a recording and of tsbuild, to be compared. */
export type Call = {
	readonly recorded: Output;
	readonly ours: Output;
	readonly isFirst: boolean;
};

/** All that can be compared. */
export type Repetition = {
	readonly calls: readonly Call[];
	/** The config of the image in `o.tar`, as JSON; `{}` when none was recorded. */
	readonly config: {readonly recorded: string; readonly ours: string};
};

/** A store that holds images under the names of the recordings. Tests copy it. */
export type BaseStore = AsyncDisposable & {readonly directory: string};

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false
`;

const group = `root:x:0:
daemon:x:1:
staff:x:50:
www-data:x:33:
app:x:1000:
extra:x:2000:www-data,app
nogroup:x:65534:
`;

const busyboxFile = `FROM base
COPY passwd group debian_version /etc/
RUN mkdir /home/app && chown 1000:1000 /home/app
CMD ["sh"]
`;

const multiFile = `FROM scratch
COPY / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
`;

const onbuildFile = `FROM localhost:5056/rec/busybox:1
ONBUILD COPY f /ob/
ONBUILD RUN cat /ob/f
ONBUILD ENV OB=1
`;

// Its shell is for a machine that nobody has, nor emulates: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html (e_machine)
const foreignFile = String.raw`FROM --platform=$BUILDPLATFORM base AS foreign
RUN cp /bin/sh /sh && printf '\377\377' | dd of=/sh bs=1 seek=18 conv=notrunc && mv /sh /bin/sh
FROM scratch
COPY --from=foreign / /
`;

const bases = [
	{dockerfile: busyboxFile, platform: 'linux/amd64', names: ['localhost:5055/library/busybox:latest', 'busybox', 'localhost:5055/library/debian:bookworm', 'debian:bookworm']},
	{dockerfile: 'FROM base\nCMD ["sh"]\n', platform: 'linux/amd64', names: ['localhost:5056/rec/busybox:1']},
	{dockerfile: onbuildFile, platform: 'linux/amd64', names: ['localhost:5056/rec/onb:1']},
	{dockerfile: foreignFile, platform: 'linux/arm64', names: ['localhost:5056/rec/arm:1']},
	{dockerfile: multiFile, platform: 'linux/arm64', names: ['localhost:5055/library/multi:1', 'localhost:5056/rec/multi:1']},
] as const;

/** Builds the base images of the recordings from our own. */
export async function makeBaseStore(): Promise<BaseStore> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	await using base = await makeTemporaryBaseImage();
	const context = path.join(directory, 'context');
	const root = path.join(directory, 'store');
	await mkdir(context);
	await writeFile(path.join(context, 'passwd'), passwd);
	await writeFile(path.join(context, 'group'), group);
	await writeFile(path.join(context, 'debian_version'), '12.12\n');
	for (const {dockerfile, platform, names} of bases) {
		await writeFile(path.join(context, 'Dockerfile'), dockerfile);
		const result = await tsbuild(['build', '--build-context', `base=oci-layout://${base.directory}`, '--platform', platform, ...names.flatMap(name => ['-t', name]), context], {root});
		if (result.exitCode !== 0) {
			throw new Error(result.stderr);
		}
	}

	const kept = cleanup.move();
	return {directory: root, [Symbol.asyncDispose]: async () => kept.disposeAsync()};
}

/** What a recording is repeated with. */
export type RepeatOptions = {
	/** Is copied. */
	readonly store?: BaseStore;
	/** The addresses that stand for those of the recorded servers, which they are given back as in the output. Without any, no registry is asked. */
	readonly servers?: ReadonlyMap<string, string>;
};

/** Does what was recorded in a folder: prepares its context and runs its commands, `command`, `command.2` and so on. */
export async function repeatRecording(folder: string, {store, servers = new Map()}: RepeatOptions): Promise<Repetition> {
	await using temporary = await makeTemporaryDirectory();
	const place = {
		context: path.join(temporary.path, 'context'),
		outputs: path.join(temporary.path, 'outputs'),
		root: path.join(temporary.path, 'store'),
		servers,
	};
	await mkdir(place.outputs);
	await prepareContext(folder, place);
	if (store !== undefined) {
		execFileSync(...asNamespaceRoot('cp', ['-a', store.directory, place.root]));
	}

	const calls: Call[] = [];
	const suffixes = ['', '.2', '.3'].filter(suffix => existsSync(path.join(folder, `command${suffix}`)));
	for (const suffix of suffixes) {
		calls.push({recorded: await readOutput(folder, suffix), ours: await call(folder, suffix, place), isFirst: suffix === ''});
	}

	const configFile = path.join(folder, 'config.json');
	const config = existsSync(configFile)
		? {recorded: await readFile(configFile, 'utf8'), ours: readOwnConfig(place)}
		: {recorded: '{}', ours: '{}'};
	return {calls, config};
}

function readOwnConfig(place: Place): string {
	const config = readConfig(path.join(place.outputs, 'o.tar'));
	return asRecorded(JSON.stringify(config), place);
}

type Place = {
	readonly context: string;
	readonly outputs: string;
	/** The store. */
	readonly root: string;
	readonly servers: ReadonlyMap<string, string>;
};

async function call(folder: string, suffix: string, place: Place): Promise<Output> {
	const {context, root} = place;
	const command = await readFile(path.join(folder, `command${suffix}`), 'utf8');
	const {exitCode, stdout, stderr} = await tsbuild(withoutNetwork(splitWords(command, place), place), {
		root, cwd: context, env: await readEnvironment(folder), ...standardInput(folder, suffix),
	});
	return {exitCode, stdout: asRecorded(new TextDecoder().decode(stdout), place), stderr: asRecorded(stderr, place)};
}

function standardInput(folder: string, suffix: string): {readonly input?: string} {
	const input = path.join(folder, `stdin${suffix}`);
	return existsSync(input) ? {input} : {};
}

/** With the names that the recordings have for places and servers. */
function asRecorded(text: string, {context, outputs, servers}: Place): string {
	const addresses = [...servers].map(([recorded, ours]) => [ours, recorded] as const);
	return replaceAll(text, [[context, '{ctx}'], [outputs, '{tmp}'], ...addresses]);
}

/** Registries of the recordings that are not there are not looked for. */
function withoutNetwork(words: readonly string[], {servers}: Place): readonly string[] {
	return words[0] === 'build' && servers.size === 0 ? ['build', '--pull=never', ...words.slice(1)] : words;
}

function replaceAll(text: string, replacements: ReadonlyArray<readonly [string, string]>): string {
	let result = text;
	for (const [from, to] of replacements) {
		result = result.split(from).join(to);
	}

	return result;
}

async function prepareContext(folder: string, {context, outputs, servers}: Place): Promise<void> {
	await mkdir(context);
	const names = ['context', 'Dockerfile', 'dockerfile'].filter(name => existsSync(path.join(folder, name)));
	for (const name of names) {
		await cp(path.join(folder, name), name === 'context' ? context : path.join(context, name), {recursive: true, verbatimSymlinks: true});
	}

	// Git gives files the modes that the user's umask leaves.
	execFileSync('chmod', ['-R', 'u=rwX,go=rX', context]);

	const dockerfile = path.join(context, 'Dockerfile');
	if (servers.size > 0) {
		await writeFile(dockerfile, replaceAll(await readFile(dockerfile, 'utf8'), [...servers]));
	}

	if (existsSync(path.join(folder, 'setup.sh'))) {
		execFileSync('sh', [path.join(folder, 'setup.sh')], {cwd: context, env: {...process.env, TMP: outputs}});
	}
}

async function readEnvironment(folder: string): Promise<Readonly<Record<string, string>>> {
	const text = existsSync(path.join(folder, 'env')) ? await readFile(path.join(folder, 'env'), 'utf8') : '';
	return Object.fromEntries(text.split('\n').filter(line => line !== '').map(line => line.split('=', 2) as [string, string]));
}

async function readOutput(folder: string, suffix: string): Promise<Output> {
	const read = async (name: string) => readFile(path.join(folder, `${name}${suffix}`), 'utf8');
	return {exitCode: Number(await read('exit')), stdout: await read('stdout'), stderr: await read('stderr')};
}

/** The recorded commands are lines of a shell. */
function splitWords(command: string, {context, outputs, servers}: Place): readonly string[] {
	const line = replaceAll(command.trim(), [['{ctx}', context], ['{tmp}', outputs], ...servers]);
	const script = String.raw`set -f; for word in ${line}; do printf '%s\0' "$word"; done`;
	return execFileSync('sh', ['-c', script], {encoding: 'utf8'}).split('\0').slice(0, -1);
}
