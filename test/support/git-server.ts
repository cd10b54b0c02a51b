import {Buffer} from 'node:buffer';
import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, writeFileSync} from 'node:fs';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import process from 'node:process';
import {pipeline} from 'node:stream/promises';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** What a commit has: the content of a file, or how it is a link. Modes are those of the disk. */
export type CommitFiles = Readonly<Record<string, string>>;

/** Repositories behind git's own web server. */
export type GitServer = AsyncDisposable & {
	/** `http://127.0.0.1:40123` */
	readonly url: string;
	/** `GET /repository.git/info/refs`, each with the header `Authorization` if there was one. */
	readonly requests: string[];
	/** Runs git in the work tree of a repository, which is made when it is new. */
	git(repository: string, ...parameters: readonly string[]): string;
	/** Commits files, and whatever else stands in the work tree, at `time` (seconds since the epoch); gives the hash. */
	commit(repository: string, files: CommitFiles, time: number): string;
	/** The work tree of a repository. */
	directory(repository: string): string;
};

const identity = {
	GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b',
};

/** Starts a server; with `authorization`, only requests that have this header get an answer. */
export async function startGitServer({authorization}: {readonly authorization?: string} = {}): Promise<GitServer> {
	const temporary = await makeTemporaryDirectory();
	const requests: string[] = [];
	const server = createServer((request, response) => {
		const {method = '', url = '', headers} = request;
		requests.push([method, url.split('?', 1)[0], ...(headers.authorization === undefined ? [] : [headers.authorization])].join(' '));
		if (authorization !== undefined && headers.authorization !== authorization) {
			response.writeHead(401, {'www-authenticate': 'Basic realm="test"'}).end();
			return;
		}

		void serve(request, response, temporary.path);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const directory = (repository: string) => path.join(temporary.path, repository);
	const run = (repository: string, parameters: readonly string[], environment: Readonly<Record<string, string>> = {}) => execFileSync('git', parameters, {
		cwd: directory(repository), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: {
			...process.env, ...identity, GIT_CONFIG_GLOBAL: '/dev/null', ...environment,
		},
	}).trim();
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		directory,
		git(repository, ...parameters) {
			return run(repository, parameters);
		},
		commit(repository, files, time) {
			const isNew = mkdirSync(directory(repository), {recursive: true}) !== undefined;
			if (isNew) {
				run(repository, ['init', '--quiet', '--initial-branch=main']);
			}

			for (const [name, content] of Object.entries(files)) {
				const file = path.join(directory(repository), name);
				mkdirSync(path.dirname(file), {recursive: true});
				writeFileSync(file, content);
			}

			run(repository, ['add', '--all', '.']);
			run(repository, ['commit', '--quiet', '--message=test'], {GIT_COMMITTER_DATE: `${time} +0000`, GIT_AUTHOR_DATE: `${time} +0000`});
			return run(repository, ['rev-parse', 'HEAD']);
		},
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
			await temporary[Symbol.asyncDispose]();
		},
	};
}

/** https://git-scm.com/docs/git-http-backend, as a web server calls it. */
async function serve(request: IncomingMessage, response: ServerResponse, root: string): Promise<void> {
	const {method = '', url = '', headers} = request;
	const {pathname, search} = new URL(url, 'http://localhost');
	const backend = spawn('git', ['http-backend'], {
		stdio: ['pipe', 'pipe', 'ignore'],
		env: {
			PATH: process.env.PATH,
			GIT_PROJECT_ROOT: root,
			GIT_HTTP_EXPORT_ALL: '1',
			GIT_CONFIG_GLOBAL: '/dev/null',
			PATH_INFO: pathname.replace('.git/', '/.git/'),
			QUERY_STRING: search.slice(1),
			REQUEST_METHOD: method,
			REMOTE_ADDR: '127.0.0.1',
			CONTENT_TYPE: headers['content-type'] ?? '',
			HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
			...(typeof headers['git-protocol'] === 'string' && {GIT_PROTOCOL: headers['git-protocol']}),
		},
	});
	const [, output] = await Promise.all([
		Promise.allSettled([pipeline(request, backend.stdin)]),
		backend.stdout.toArray() as Promise<Buffer[]>,
	]);
	const answer = Buffer.concat(output);
	const end = answer.indexOf('\r\n\r\n');
	const fields = answer.subarray(0, end).toString().split('\r\n').map(line => line.split(': ', 2) as [string, string]);
	const {Status: status = '200', ...others} = Object.fromEntries(fields);
	response.writeHead(Number(status.slice(0, 3)), others).end(answer.subarray(end + 4));
}
