import {parseGoDuration} from '../../frontend/dockerfile/go-duration.ts';
import type {S3CacheLocation} from '../cache/s3-cache-location.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {AwsCredentials, type AwsKeys} from '../s3/aws-credentials.ts';
import {readAwsProfile, type AwsProfile} from '../s3/aws-profile.ts';
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

/** What an attribute that is missing is taken from. */
type Defaults = {
	readonly environment: Environment;
	/** Absent when keys and region are said elsewhere: then nobody looks for files. */
	readonly profile?: AwsProfile;
};

/**
Reads the attributes of `type=s3`. What they do not say the variables of AWS do, and then its files.

@throws {RequestError} in the words of BuildKit where it has some; as `readAwsProfile`
@see https://docs.docker.com/build/cache/backends/s3/
*/
export function readS3Settings(attributes: OutputAttributes, environment: Environment): S3CacheSettings {
	const [name = defaultName, ...otherNames] = (attributes.get('name') ?? defaultName).split(';');
	const defaults = readDefaults(attributes, environment);
	const credentials = readCredentials(attributes, defaults);
	checkRetryMode(attributes.get('retry_mode'));
	const settings: S3CacheSettings = {
		location: {
			bucket: readBucket(attributes, environment),
			region: readRegion(attributes, defaults),
			...readEndpoint(attributes, defaults),
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

function readDefaults(attributes: OutputAttributes, environment: Environment): Defaults {
	const hasKeys = hasOwnKeys(attributes) || keysOf(environment) !== undefined;
	return hasKeys && findRegion(attributes, environment) !== undefined ? {environment} : {environment, profile: readAwsProfile(environment)};
}

function hasOwnKeys(attributes: OutputAttributes): boolean {
	return attributes.has('access_key_id') && attributes.has('secret_access_key');
}

function findRegion(attributes: OutputAttributes, {AWS_REGION, AWS_DEFAULT_REGION}: Environment): string | undefined {
	return firstSaid(attributes.get('region'), AWS_REGION, AWS_DEFAULT_REGION);
}

function readBucket(attributes: OutputAttributes, {AWS_BUCKET: variable}: Environment): string {
	return firstSaid(attributes.get('bucket'), variable) ?? missing('bucket', 'AWS_BUCKET');
}

function readRegion(attributes: OutputAttributes, {environment, profile}: Defaults): string {
	return findRegion(attributes, environment) ?? profile?.region ?? missing('region', 'AWS_REGION');
}

function missing(name: string, variable: string): never {
	throw new RequestError(`${name} ($${variable}) not set for s3 cache`, {hint: `Say it with ${name}= or in the variable ${variable}.`});
}

/** The variables are those of the SDK. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function readEndpoint(attributes: OutputAttributes, {environment, profile}: Defaults): {readonly endpoint?: string} {
	const endpoint = firstSaid(attributes.get('endpoint_url'), environment.AWS_ENDPOINT_URL_S3, environment.AWS_ENDPOINT_URL, profile?.endpoint);
	return endpoint === undefined ? {} : {endpoint};
}

/** As buildx takes them: a session token that stands elsewhere belongs to the keys there. */
function readCredentials(attributes: OutputAttributes, defaults: Defaults): AwsCredentials | undefined {
	const keys = hasOwnKeys(attributes) ? undefined : keysElsewhere(defaults);
	const accessKeyId = attributes.get('access_key_id') ?? keys?.accessKeyId ?? '';
	const secretAccessKey = attributes.get('secret_access_key') ?? keys?.secretAccessKey ?? '';
	const sessionToken = attributes.get('session_token') ?? keys?.sessionToken ?? '';
	return accessKeyId === '' || secretAccessKey === '' ? undefined : new AwsCredentials({accessKeyId, secretAccessKey, ...(sessionToken !== '' && {sessionToken})});
}

/** Those of the environment, if they are complete, before those of the files, as with the SDK. */
function keysElsewhere({environment, profile}: Defaults): AwsKeys | undefined {
	const keys = keysOf(environment) ?? profile?.keys;
	if (keys === undefined && profile?.foreignKeys !== undefined) {
		throw new RequestError(`the profile ${profile.name} takes its keys from ${profile.foreignKeys}, which is not supported`, {
			hint: `Let the program of AWS get them: eval "$(aws configure export-credentials --profile ${profile.name} --format env)".`,
		});
	}

	return keys;
}

function keysOf({AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '', AWS_SESSION_TOKEN: sessionToken = ''}: Environment): AwsKeys | undefined {
	return accessKeyId === '' || secretAccessKey === '' ? undefined : {accessKeyId, secretAccessKey, ...(sessionToken !== '' && {sessionToken})};
}

function firstSaid(...texts: ReadonlyArray<string | undefined>): string | undefined {
	return texts.find(text => text !== undefined && text !== '');
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
