import {Buffer} from 'node:buffer';
import type {SourceGitOperation} from '../../src/definition/operations.ts';
import {errorMessage, TsbuildError} from '../../src/kernel/errors.ts';
import {isSshRemote} from '../../src/kernel/git-reference.ts';
import type {SshAgent} from '../../src/ssh/agent.ts';
import type {Store} from '../../snapshotter/store.ts';
import {runGit, type GitProgram} from './git-program.ts';
import {sshAgentNotFound} from './ssh-agent-not-found.ts';

/** What a name of a repository stands for. */
export type GitCommit = {
	/** Of the commit, all 40 or 64 digits. */
	readonly hash: string;
	/** Such as `refs/heads/main`; `undefined` for a commit that was asked for by its hash. */
	readonly fullName: string | undefined;
};

/** What speaks with remote repositories. */
export type GitRemoteContext = {
	/** Variables of the user. */
	readonly environment: GitProgram['environment'];
	/** The content of a secret, if there is one of this id. */
	readonly readSecret: (id: string) => Promise<Uint8Array | undefined>;
	/** By their ids; git has the one that is called `default`. */
	readonly sshAgents: ReadonlyMap<string, SshAgent>;
	readonly store: Pick<Store, 'session'>;
};

const agentId = 'default';

const wholeHash = /^[\da-f]{40}(?:[\da-f]{24})?$/v;

/**
Finds the commit that a source stands for. The server is asked, unless the source says it in full.

@throws {TsbuildError} `ERR_TSBUILD_GIT`; the reason of the signal
*/
export async function findCommit({remote, name, checksum = ''}: SourceGitOperation, git: GitProgram): Promise<GitCommit> {
	if (wholeHash.test(name)) {
		return checked({hash: name, fullName: undefined}, [name], checksum);
	}

	const asked = name === '' ? await findDefaultBranch(remote, git) : name;
	const output = await explained(`failed to fetch remote ${redact(remote)}`, async () => runGit(['ls-remote', '--', remote, asked, `${asked}^{}`], git));
	const found = chooseReference(asked, output);
	if (found === undefined) {
		throw new TsbuildError('ERR_TSBUILD_GIT', `repository does not contain ref ${asked}, output: ${JSON.stringify(output)}`, {hint: 'Check the name of the branch or tag.'});
	}

	return checked({hash: found.hash, fullName: found.fullName}, [found.hash, found.tagHash], checksum);
}

async function findDefaultBranch(remote: string, git: GitProgram): Promise<string> {
	const output = await explained(`error fetching default branch for repository ${redact(remote)}`, async () => runGit(['ls-remote', '--symref', '--', remote, 'HEAD'], git));
	const {branch} = /^ref: (?<branch>refs\/heads\/\S+)\t/v.exec(output)?.groups ?? {};
	if (branch === undefined) {
		throw new TsbuildError('ERR_TSBUILD_GIT', `could not find default branch for repository: ${redact(remote)}`);
	}

	return branch;
}

type FoundReference = {readonly hash: string; readonly fullName: string; readonly tagHash: string | undefined};

/** As `git checkout` has it: the exact name, else a branch, else a tag. An annotated tag stands for its commit. */
function chooseReference(name: string, output: string): FoundReference | undefined {
	const hashes = new Map(output.split('\n').map(line => line.split('\t', 2)).map(([hash = '', fullName = '']) => [fullName, hash]));
	const short = name.replace(/^refs\//v, '');
	const fullName = [`refs/${short}`, `refs/heads/${short}`, `refs/tags/${short}`].find(candidate => hashes.has(candidate));
	if (fullName === undefined) {
		return undefined;
	}

	const direct = hashes.get(fullName)!;
	const hash = hashes.get(`${fullName}^{}`) ?? direct;
	return wholeHash.test(hash) ? {hash, fullName, tagHash: direct} : undefined;
}

function checked(commit: GitCommit, hashes: ReadonlyArray<string | undefined>, checksum: string): GitCommit {
	if (hashes.every(hash => !hash?.startsWith(checksum))) {
		throw new TsbuildError('ERR_TSBUILD_CHECKSUM', `expected checksum to match ${checksum}, got ${commit.hash}`, {hint: 'The repository has another commit under this name.'});
	}

	return commit;
}

/** Where a commit is fetched to. */
export type FetchOptions = {
	/** The directory of a repository that is empty. */
	readonly repository: string;
	readonly git: GitProgram;
};

/**
Fetches a commit, and no more than that where the server can.

@throws {TsbuildError} `ERR_TSBUILD_GIT`; the reason of the signal
*/
export async function fetchCommit({remote}: SourceGitOperation, commit: GitCommit, {repository, git}: FetchOptions): Promise<void> {
	const {hash, fullName} = commit;
	const run = async (...parameters: readonly string[]) => runGit(['--git-dir', repository, ...parameters], git);
	await run('remote', 'add', '--', 'origin', remote);
	const wanted = fullName === undefined ? hash : `+${fullName}:${fullName}`;
	try {
		await run('fetch', '--quiet', '--update-head-ok', '--depth=1', '--no-tags', 'origin', wanted);
		await run('cat-file', '-e', `${hash}^0`);
	} catch {
		git.signal.throwIfAborted();
		// A server that knows no single commits, or no parts; or the name has moved meanwhile.
		await explained(`failed to fetch remote ${redact(remote)}`, async () => run('fetch', '--quiet', '--update-head-ok', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*'));
		await explained(`failed to find commit ${hash} in ${redact(remote)}`, async () => run('cat-file', '-e', `${hash}^0`));
	}
}

/**
How git is run for a source: `GIT_AUTH_HEADER` and `GIT_AUTH_TOKEN` among the secrets, also followed by `.` and the host, say who asks; over SSH, an agent does.

@throws {TsbuildError} `ERR_TSBUILD_SSH_NOT_FOUND`
@see https://docs.docker.com/build/building/secrets/#git-authentication-for-remote-contexts
*/
export async function openGit({remote}: SourceGitOperation, context: GitRemoteContext, signal: AbortSignal): Promise<GitProgram> {
	const {environment, readSecret} = context;
	if (isSshRemote(remote)) {
		return {
			environment, settings: {}, agent: findAgent(context), signal,
		};
	}

	const url = URL.parse(remote);
	const names = url === null ? [] : [`GIT_AUTH_HEADER.${url.host}`, `GIT_AUTH_TOKEN.${url.host}`, 'GIT_AUTH_HEADER', 'GIT_AUTH_TOKEN'];
	for (const name of names) {
		const secret = await readSecret(name);
		if (secret !== undefined) {
			return {environment, settings: {[`http.${url!.origin}/.extraheader`]: `Authorization: ${authorization(name, secret)}`}, signal};
		}
	}

	return {environment, settings: {}, signal};
}

function findAgent({sshAgents, store: {session}}: GitRemoteContext): NonNullable<GitProgram['agent']> {
	const agent = sshAgents.get(agentId);
	if (agent === undefined) {
		throw sshAgentNotFound(agentId);
	}

	return {agent, temporaryDirectory: () => session.temporaryFile()};
}

function authorization(name: string, secret: Uint8Array): string {
	const text = new TextDecoder().decode(secret).trim();
	return name.startsWith('GIT_AUTH_TOKEN') ? `basic ${Buffer.from(`x-access-token:${text}`).toString('base64')}` : text;
}

async function explained<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
	try {
		return await action();
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `${what}: ${errorMessage(error)}`, {cause: error, ...(error.hint !== undefined && {hint: error.hint})}) : error;
	}
}

/** An address without what is secret in it. */
export function redact(remote: string): string {
	const url = URL.parse(remote);
	if (url === null || url.password === '') {
		return remote;
	}

	url.username = 'xxxxx';
	url.password = 'xxxxx';
	return url.href;
}
