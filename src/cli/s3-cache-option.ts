import {parseGoDuration} from '../../frontend/dockerfile/go-duration.ts';
import type {S3CacheLocation} from '../cache/s3-cache-location.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {AwsCredentials} from '../s3/aws-credentials.ts';
import type {Environment} from './command.ts';
import type {OutputAttributes} from './output-attributes.ts';
import {RequestError} from './usage-error.ts';

/** What `type=s3` says. */
export type S3CacheSettings = S3CacheLocation & {
	readonly touchMilliseconds: number;
};

// https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go (getConfig)
const defaultName = 'buildkit';
const defaultTouchMilliseconds = 24 * 60 * 60_000;
const defaultUploadParallelism = 4;

// As many as with a registry.
const defaultAttempts = 5;

const retryModes: ReadonlySet<string> = new Set(['adaptive', 'standard']);

/**
Reads the attributes of `type=s3`. What they do not say the variables of AWS do.

@throws {RequestError} in the words of BuildKit where it has some
@see https://docs.docker.com/build/cache/backends/s3/
*/
export function readS3Settings(attributes: OutputAttributes, environment: Environment): S3CacheSettings {
	const [name = defaultName, ...otherNames] = (attributes.get('name') ?? defaultName).split(';');
	const credentials = readCredentials(attributes, environment);
	checkRetryMode(attributes.get('retry_mode'));
	const settings: S3CacheSettings = {
		location: {
			bucket: readRequired('bucket', attributes, environment),
			region: readRequired('region', attributes, environment),
			...readEndpoint(attributes, environment),
			usesPathStyle: parseGoBoolean(attributes.get('use_path_style') ?? '') ?? false,
		},
		...(credentials && {credentials}),
		prefix: attributes.get('prefix') ?? '',
		blobsPrefix: attributes.get('blobs_prefix') ?? 'blobs/',
		manifestsPrefix: attributes.get('manifests_prefix') ?? 'manifests/',
		names: [name, ...otherNames],
		attempts: readCount('retry_max_attempts', attributes) ?? defaultAttempts,
		touchMilliseconds: readDuration(attributes.get('touch_refresh')) ?? defaultTouchMilliseconds,
		uploadParallelism: readCount('upload_parallelism', attributes) ?? defaultUploadParallelism,
	};
	checkKeys(settings);
	return settings;
}

function readRequired(name: 'bucket' | 'region', attributes: OutputAttributes, environment: Environment): string {
	const variable = `AWS_${name.toUpperCase()}`;
	const value = attributes.get(name) ?? environment[variable];
	if (value === undefined) {
		throw new RequestError(`${name} ($${variable}) not set for s3 cache`, {hint: `Say it with ${name}= or in the variable ${variable}.`});
	}

	return value;
}

/** The variables are those of the SDK. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function readEndpoint(attributes: OutputAttributes, environment: Environment): {readonly endpoint?: string} {
	const texts = [attributes.get('endpoint_url'), environment.AWS_ENDPOINT_URL_S3, environment.AWS_ENDPOINT_URL];
	const endpoint = texts.find(text => text !== undefined && text !== '');
	return endpoint === undefined ? {} : {endpoint};
}

/** As buildx takes them from the environment: a session token there belongs to the keys there. */
function readCredentials(attributes: OutputAttributes, environment: Environment): AwsCredentials | undefined {
	const isComplete = attributes.has('access_key_id') && attributes.has('secret_access_key');
	const variables: Environment = isComplete ? {} : environment;
	const {AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN} = variables;
	const accessKeyId = attributes.get('access_key_id') ?? AWS_ACCESS_KEY_ID ?? '';
	const secretAccessKey = attributes.get('secret_access_key') ?? AWS_SECRET_ACCESS_KEY ?? '';
	const sessionToken = attributes.get('session_token') ?? AWS_SESSION_TOKEN ?? '';
	return accessKeyId === '' || secretAccessKey === '' ? undefined : new AwsCredentials({accessKeyId, secretAccessKey, ...(sessionToken !== '' && {sessionToken})});
}

function readCount(name: string, attributes: OutputAttributes): number | undefined {
	const text = attributes.get(name);
	if (text === undefined) {
		return undefined;
	}

	const count = Number(text);
	if (!/^\+?\d+$/v.test(text) || count < 1 || !Number.isSafeInteger(count)) {
		throw new RequestError(`${name} must be a positive integer`);
	}

	return count;
}

/** There is one way of waiting here: longer each time. */
function checkRetryMode(mode: string | undefined): void {
	if (mode !== undefined && !retryModes.has(mode)) {
		throw new RequestError('retry_mode must be "standard" or "adaptive"');
	}
}

/** What is no duration does not count, as with BuildKit. */
function readDuration(text: string | undefined): number | undefined {
	try {
		return text === undefined ? undefined : parseGoDuration(text) / 1_000_000;
	} catch {
		return undefined;
	}
}

/** An address has no place for such parts of a key: they would lead to another object. */
function checkKeys({prefix, blobsPrefix, manifestsPrefix, names}: S3CacheSettings): void {
	const keys = [`${prefix}${blobsPrefix}`, ...names.map(name => `${prefix}${manifestsPrefix}${name}`)];
	const wrong = keys.find(key => key.split('/').some(part => part === '.' || part === '..'));
	if (wrong !== undefined) {
		throw new RequestError(`s3 cache: ${JSON.stringify(wrong)} has a part that is . or ..`);
	}
}
