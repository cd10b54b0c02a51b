import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** A docker-registry of its own for a test, on a free port of this machine. It keeps what it is given in a temporary directory, and is gone when it is disposed of. */
export type TestRegistry = AsyncDisposable & {
	/** Address and port, as in a reference: `127.0.0.1:41234`. */
	readonly host: string;
};

export type TestRegistryOptions = {
	/** Whoever has no name and password gets nothing; the names and bcrypt hashes are those of `testUser`. */
	readonly hasPassword?: boolean;
	/** PEM files; without them it speaks plain HTTP. */
	readonly tls?: {readonly certificate: string; readonly key: string; readonly clientAuthority?: string};
	/** Tokens of this server count. */
	readonly tokenServer?: {readonly realm: string; readonly service: string; readonly issuer: string; readonly certificate: string};
};

/** Whom a registry with a password knows. */
export const testUser = {
	username: 'tester',
	password: 'correct horse',
	// Made by crypt(3), with a cost that does not slow a test down.
	hash: '$2b$04$oYzA3WTJ1BM27SBjE8KoPeoYY8oeTs.p38Vo0Bk1aIEBgpm4F1hEi',
} as const;

/** Starts a registry; it listens when this resolves. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const passwords = path.join(directory, 'passwords');
	const configuration = path.join(directory, 'config.yml');
	await writeFile(passwords, `${testUser.username}:${testUser.hash}\n`);
	// JSON is YAML.
	const settings = configure(path.join(directory, 'data'), passwords, options);
	await writeFile(configuration, JSON.stringify(settings));

	const child = spawn('docker-registry', ['serve', configuration], {stdio: ['ignore', 'ignore', 'pipe']});
	const ended = once(child, 'close');
	cleanup.defer(async () => {
		child.kill('SIGKILL');
		await ended;
	});
	const host = await findAddress(child.stderr);
	const kept = cleanup.move();
	return {host, [Symbol.asyncDispose]: async () => kept.disposeAsync()};
}

/**
The registry's configuration file.

@see https://distribution.github.io/distribution/about/configuration/
*/
function configure(data: string, passwords: string, {hasPassword = false, tls, tokenServer}: TestRegistryOptions): Record<string, unknown> {
	return {
		version: '0.1',
		log: {level: 'info', formatter: 'json', accesslog: {disabled: true}},
		storage: {filesystem: {rootdirectory: data}, delete: {enabled: true}},
		http: {
			addr: '127.0.0.1:0',
			secret: 'not much of one',
			...(tls !== undefined && {
				tls: {
					certificate: tls.certificate,
					key: tls.key,
					...(tls.clientAuthority !== undefined && {clientcas: [tls.clientAuthority]}),
				},
			}),
		},
		auth: {
			...(hasPassword && {htpasswd: {realm: 'test', path: passwords}}),
			...(tokenServer !== undefined && {
				token: {
					realm: tokenServer.realm,
					service: tokenServer.service,
					issuer: tokenServer.issuer,
					rootcertbundle: tokenServer.certificate,
				},
			}),
		},
	};
}

/** The registry chooses the port, and tells it in its log. */
async function findAddress(log: NodeJS.ReadableStream): Promise<string> {
	const lines: string[] = [];
	const reader = createInterface({input: log});
	for await (const line of reader) {
		lines.push(line);
		const {address} = /listening on (?<address>127\.0\.0\.1:\d+)/v.exec(line)?.groups ?? {};
		if (address !== undefined) {
			// Who does not read any more would stop it.
			log.resume();
			return address;
		}
	}

	throw new Error(`docker-registry does not start:\n${lines.join('\n')}`);
}
