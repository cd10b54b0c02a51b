import {Buffer} from 'node:buffer';
import {createPrivateKey, sign, type KeyObject} from 'node:crypto';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import {makeAuthority, type TestCertificate} from './certificates.ts';
import {testUser} from './registry.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** What a token server was asked. */
export type TokenQuestion = {
	readonly method: string;
	/** Of the query, or of the form. */
	readonly parameters: URLSearchParams;
	readonly authorization: string | undefined;
};

/** How a token server behaves. */
export type TokenServerOptions = {
	/** Lets nobody in by GET. */
	readonly hasOnlyPost?: boolean;
	/** Of the tokens. */
	readonly expirySeconds?: number;
	/** Gives this to whoever asks for an identity token. */
	readonly identityToken?: string;
	/** Lets those without a name read these repositories. */
	readonly publicRepositories?: readonly string[];
	/** Speaks TLS, and goes by this name. */
	readonly tls?: TestCertificate & {readonly host: string};
	/** Answers in its own way; `undefined` answers as always. */
	readonly answer?: (question: TokenQuestion) => {readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>>} | undefined;
};

/** A server of tokens that a docker-registry believes. */
export type TokenServer = AsyncDisposable & {
	/** Address and port. */
	readonly host: string;
	/** For `startRegistry`. */
	readonly settings: {readonly realm: string; readonly service: string; readonly issuer: string; readonly certificate: string};
	/** What it was asked, in order. */
	readonly questions: readonly TokenQuestion[];
};

const service = 'registry of a test';
const issuer = 'token server of a test';

/** Starts a token server that knows the user of the tests. */
export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const authority = await makeAuthority(directory);
	const signer = {key: createPrivateKey(await readFile(authority.key)), certificate: await readFile(authority.certificate, 'utf8')};
	const questions: TokenQuestion[] = [];
	const answer: http.RequestListener = (request, response) => {
		void (async () => {
			const question = await readQuestion(request);
			questions.push(question);
			const {status, body, headers = {}} = options.answer?.(question) ?? decide(question, options, signer);
			response.writeHead(status, {'content-type': 'application/json', ...headers}).end(body);
		})();
	};

	const {tls} = options;
	const server = tls === undefined ? http.createServer(answer) : https.createServer({cert: await readFile(tls.certificate), key: await readFile(tls.key)}, answer);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	cleanup.defer(async () => {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	});
	const kept = cleanup.move();
	const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		host,
		settings: {
			realm: tls === undefined ? `http://${host}/token` : `https://${tls.host}/token`,
			service,
			issuer,
			certificate: authority.certificate,
		},
		questions,
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

async function readQuestion(request: http.IncomingMessage): Promise<TokenQuestion> {
	const {searchParams} = new URL(request.url!, 'http://localhost');
	const form = await text(request);
	return {
		method: request.method!,
		parameters: request.method === 'POST' ? new URLSearchParams(form) : searchParams,
		authorization: request.headers.authorization,
	};
}

type Signer = {readonly key: KeyObject; readonly certificate: string};

function decide(question: TokenQuestion, options: TokenServerOptions, signer: Signer): {readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>>} {
	if (options.hasOnlyPost === true && question.method === 'GET') {
		return {status: 404, body: '404 page not found'};
	}

	const user = identify(question, options);
	if (user === undefined) {
		return {status: 401, body: JSON.stringify({errors: [{code: 'UNAUTHORIZED', message: 'incorrect username or password'}]})};
	}

	const scopes = question.parameters.getAll('scope').flatMap(scope => scope.split(' ')).filter(scope => scope !== '');
	const {expirySeconds = 300, identityToken, publicRepositories = []} = options;
	const token = makeToken(signer, user, scopes.map(scope => grant(scope, user, publicRepositories)));
	const isOffline = question.parameters.get('offline_token') === 'true' || question.parameters.get('access_type') === 'offline';
	return {
		status: 200,
		body: JSON.stringify({
			...(question.method === 'POST' ? {access_token: token} : {token}),
			expires_in: expirySeconds,
			...(isOffline && identityToken !== undefined && {refresh_token: identityToken}),
		}),
	};
}

/** The name of the user, empty for those without one. */
function identify({method, parameters, authorization}: TokenQuestion, {identityToken}: TokenServerOptions): string | undefined {
	const right = `${testUser.username}:${testUser.password}`;
	if (method === 'GET') {
		if (authorization === undefined) {
			return '';
		}

		return authorization === `Basic ${Buffer.from(right).toString('base64')}` ? testUser.username : undefined;
	}

	const isKnown = parameters.get('grant_type') === 'refresh_token'
		? identityToken !== undefined && parameters.get('refresh_token') === identityToken
		: `${parameters.get('username')}:${parameters.get('password')}` === right;
	return isKnown ? testUser.username : undefined;
}

type Grant = {readonly type: string; readonly name: string; readonly actions: readonly string[]};

/** The user may do everything but with the repositories of others, which begin with `foreign`. */
function grant(scope: string, user: string, publicRepositories: readonly string[]): Grant {
	const [type = '', name = '', actions = ''] = scope.split(':', 3);
	const wanted = actions.split(',');
	return user === '' ? {type, name, actions: publicRepositories.includes(name) ? wanted.filter(action => action === 'pull') : []} : {type, name, actions: name.startsWith('foreign') ? [] : wanted};
}

/**
A token as docker-registry takes it.

@see https://distribution.github.io/distribution/spec/auth/jwt/
*/
function makeToken({key, certificate}: Signer, subject: string, access: readonly Grant[]): string {
	const now = Math.floor(Date.now() / 1000);
	const der = certificate.replaceAll(/-----[ A-Z]+-----|\s/gv, '');
	const header = {typ: 'JWT', alg: 'ES256', x5c: [der]};
	const claims = {
		iss: issuer,
		sub: subject,
		aud: service,
		nbf: now - 60,
		iat: now,
		exp: now + 3600,
		jti: String(Math.random()),
		access,
	};
	const content = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
	const signature = sign('sha256', Buffer.from(content), {key, dsaEncoding: 'ieee-p1363'});
	return `${content}.${signature.toString('base64url')}`;
}
