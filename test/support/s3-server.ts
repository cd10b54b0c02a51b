import {once} from 'node:events';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import S3rver from 's3rver';
import {AwsCredentials} from '../../src/s3/aws-credentials.ts';
import {signRequest} from '../../src/s3/sign-request.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** A server of S3 of its own for a test, on a free port of this machine. It is gone when it is disposed of. */
export type TestS3Server = AsyncDisposable & {
	/** `http://127.0.0.1:41234` */
	readonly endpoint: string;
	/** Where it keeps its objects: a directory for each bucket. */
	readonly directory: string;
	/** `PUT /caches/blobs/sha256:...?partNumber=1&uploadId=...` */
	readonly requests: string[];
	/** What goes wrong: each is asked for its answer first, and says whether it has given one. */
	readonly faults: Set<Fault>;
};

/** Something that a server does instead of what it should. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Whom the server knows. */
export const s3User = {AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER'} as const;

const credentials = new AwsCredentials({accessKeyId: s3User.AWS_ACCESS_KEY_ID, secretAccessKey: s3User.AWS_SECRET_ACCESS_KEY});

/** Starts a server with these buckets. */
export async function startS3Server(...buckets: readonly string[]): Promise<TestS3Server> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const store = new S3rver({silent: true, directory, configureBuckets: buckets.map(name => ({name}))});
	await store.configureBuckets();
	const answer = store.callback();
	const requests: string[] = [];
	const faults = new Set<Fault>();
	const answers: readonly Fault[] = [refuseForged, abortUpload];
	const server = createServer((request, response) => {
		requests.push(`${request.method} ${decodeURIComponent(request.url ?? '')}`);
		if ([...faults, ...answers].every(fault => !fault(request, response))) {
			answer(request, response);
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	cleanup.defer(async () => {
		server.close();
		server.closeAllConnections();
		await once(server, 'close');
	});
	const {port} = server.address() as AddressInfo;
	const kept = cleanup.move();
	return {
		endpoint: `http://127.0.0.1:${port}`, directory, requests, faults, [Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

function refuseForged(request: IncomingMessage, response: ServerResponse): boolean {
	if (isSigned(request)) {
		return false;
	}

	request.resume();
	response.writeHead(403, {'content-type': 'application/xml'});
	response.end('<Error><Code>SignatureDoesNotMatch</Code><Message>The signatures differ.</Message></Error>');
	return true;
}

/** S3rver knows no `AbortMultipartUpload`; what has been sent stays in its directory. */
function abortUpload({method, url = ''}: IncomingMessage, response: ServerResponse): boolean {
	if (method !== 'DELETE' || !url.includes('uploadId=')) {
		return false;
	}

	response.writeHead(204);
	response.end();
	return true;
}

/**
Is what has arrived what was signed? S3rver does not look at signatures of version 4. That the signature is the one of AWS is tested by the examples of its documentation.
*/
function isSigned({method = '', url = '', headers}: IncomingMessage): boolean {
	const {authorization = '', host = '', 'x-amz-date': date, 'x-amz-content-sha256': payloadHash} = headers;
	const {names = ''} = /SignedHeaders=(?<names>[^,]*)/v.exec(authorization)?.groups ?? {};
	if (typeof date !== 'string' || typeof payloadHash !== 'string') {
		return false;
	}

	const ownNames = names.split(';').filter(name => !['host', 'x-amz-content-sha256', 'x-amz-date'].includes(name));
	// `20130524T000000Z`
	const at = (start: number, length = 2) => Number(date.slice(start, start + length));
	const time = new Date(Date.UTC(at(0, 4), at(4) - 1, at(6), at(9), at(11), at(13)));
	const expected = signRequest({
		method, url: new URL(url, `http://${host}`), headers: Object.fromEntries(ownNames.map(name => [name, String(headers[name])])), payloadHash,
	}, {credentials, region: 'us-east-1', time});
	return authorization === expected.authorization;
}
