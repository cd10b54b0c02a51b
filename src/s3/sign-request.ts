import {createHash} from 'node:crypto';
import type {AwsCredentials} from './aws-credentials.ts';

/** A request that is to be signed. */
export type UnsignedRequest = {
	readonly method: string;
	/** Its path is encoded as `encodeKey` does it. */
	readonly url: URL;
	/** By names in lower case. Nobody on the way may change them. */
	readonly headers: Readonly<Record<string, string>>;
	/** The digest of the body: SHA-256, hexadecimal. */
	readonly payloadHash: string;
};

/** Who signs, and what for. */
export type SigningOptions = {
	readonly credentials: AwsCredentials;
	/** `us-east-1` */
	readonly region: string;
	readonly time: Date;
};

const algorithm = 'AWS4-HMAC-SHA256';

/**
Signs a request to S3, with Signature Version 4.

@returns all headers that it is to have
@see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
*/
export function signRequest({method, url, headers, payloadHash}: UnsignedRequest, {credentials, region, time}: SigningOptions): Readonly<Record<string, string>> {
	const timestamp = time.toISOString().replaceAll(/[\-:]|\.\d+/gv, '');
	const date = timestamp.slice(0, 'YYYYMMDD'.length);
	const {sessionToken} = credentials;
	const all = {
		...headers,
		'x-amz-content-sha256': payloadHash,
		'x-amz-date': timestamp,
		...(sessionToken !== undefined && {'x-amz-security-token': sessionToken}),
	};
	const signed = Object.entries({...all, host: url.host}).toSorted(([left], [right]) => compare(left, right));
	const signedNames = signed.map(([name]) => name).join(';');
	const canonicalRequest = [
		method,
		url.pathname,
		canonicalQuery(url),
		...signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/gv, ' ')}`),
		'',
		signedNames,
		payloadHash,
	].join('\n');
	const scope = `${date}/${region}/s3/aws4_request`;
	const signature = credentials.sign([algorithm, timestamp, scope, hashOf(canonicalRequest)].join('\n'), {date, region});
	return {...all, authorization: `${algorithm} Credential=${credentials.accessKeyId}/${scope},SignedHeaders=${signedNames},Signature=${signature}`};
}

/** Encodes the key of an object as a path: all but the unreserved characters and the slash. https://www.rfc-editor.org/rfc/rfc3986#section-2.3 */
export function encodeKey(key: string): string {
	return key.split('/').map(part => encodeStrictly(part)).join('/');
}

function canonicalQuery({searchParams}: URL): string {
	const pairs = searchParams.entries().map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`);
	return pairs.toArray().toSorted(compare).join('&');
}

function encodeStrictly(text: string): string {
	return encodeURIComponent(text).replaceAll(/[!'\(\)*]/gv, character => `%${character.codePointAt(0)!.toString(16).toUpperCase()}`);
}

function hashOf(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

function compare(left: string, right: string): number {
	return left < right ? -1 : Number(left > right);
}
