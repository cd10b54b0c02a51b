import {inspect} from 'node:util';
import test from 'ava';
import {AwsCredentials} from '../../src/s3/aws-credentials.ts';
import {encodeKey, signRequest} from '../../src/s3/sign-request.ts';

/*
The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
*/

const keys = {accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'};
const options = {credentials: new AwsCredentials(keys), region: 'us-east-1', time: new Date('2013-05-24T00:00:00Z')};
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

type Example = {
	readonly method?: string;
	readonly target: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly payloadHash?: string;
	readonly signedNames: string;
	readonly signature: string;
};

const example = test.macro({
	exec(t, _: string, {method = 'GET', target, headers = {}, payloadHash = emptyHash, signedNames, signature: expected}: Example) {
		const url = new URL(target, 'https://examplebucket.s3.amazonaws.com');
		const {authorization} = signRequest({
			method, url, headers, payloadHash,
		}, options);
		t.is(authorization, `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedNames},Signature=${expected}`);
	},
	title: (_, what: string) => `${what} is signed as the documentation of AWS has it`,
});

test(example, 'a range of an object', {
	target: '/test.txt',
	headers: {range: 'bytes=0-9'},
	signedNames: 'host;range;x-amz-content-sha256;x-amz-date',
	signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
});
test(example, 'an object that is written', {
	method: 'PUT',
	target: `/${encodeKey('test$file.text')}`,
	headers: {date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY'},
	payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
	signedNames: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
	signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
});
test(example, 'a question without a value', {
	target: '/?lifecycle',
	signedNames: 'host;x-amz-content-sha256;x-amz-date',
	signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
});
test(example, 'a question with values', {
	target: '/?prefix=J&max-keys=2',
	signedNames: 'host;x-amz-content-sha256;x-amz-date',
	signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
});

test('the token of a session is sent and signed', t => {
	const credentials = new AwsCredentials({...keys, sessionToken: 'the token'});
	const headers = signRequest({
		method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/'), headers: {}, payloadHash: emptyHash,
	}, {...options, credentials});
	t.is(headers['x-amz-security-token'], 'the token');
	t.regex(headers.authorization!, /SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/v);
});

test('the path of a key has nothing that means something in an address', t => {
	const key = 'a b/sha256:1+(2)*!\'?#%/ä';
	const path = encodeKey(key);
	t.is(path, 'a%20b/sha256%3A1%2B%282%29%2A%21%27%3F%23%25/%C3%A4');
	t.is(new URL(`https://host/${path}`).pathname, `/${path}`);
});

test('secrets of credentials are not shown', t => {
	const credentials = new AwsCredentials({...keys, sessionToken: 'token of a session'});
	t.notRegex(inspect(credentials, {showHidden: true, depth: null}) + JSON.stringify(credentials), /wJalr|token of/v);
	t.is(credentials.redact(`no ${keys.secretAccessKey}, no token of a session`), 'no ***, no ***');
});
