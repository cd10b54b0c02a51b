import type {S3Place} from '../cache/cache-option.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import type {Environment} from './command.ts';
import type {OutputAttributes} from './output-attributes.ts';
import {RequestError} from './usage-error.ts';

/**
Reads the attributes of a cache in a bucket. What they do not say is taken from the variables that Amazon's own tools know.

@throws {RequestError} in the words of BuildKit when bucket, region or credentials are missing
@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go (getConfig)
@see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
*/
export function readS3Place(attributes: OutputAttributes, environment: Environment): S3Place {
	const endpoint = attributes.get('endpoint_url');
	const [name = 'buildkit', ...names] = (attributes.get('name') ?? 'buildkit').split(';');
	return {
		bucket: attributes.get('bucket') ?? environment.AWS_BUCKET ?? refuse('bucket ($AWS_BUCKET) not set for s3 cache'),
		region: attributes.get('region') ?? environment.AWS_REGION ?? refuse('region ($AWS_REGION) not set for s3 cache'),
		prefix: attributes.get('prefix') ?? '',
		manifestsPrefix: attributes.get('manifests_prefix') ?? 'manifests/',
		blobsPrefix: attributes.get('blobs_prefix') ?? 'blobs/',
		names: [name, ...names],
		...(endpoint !== undefined && {endpoint}),
		usesPathStyle: endpoint !== undefined && parseGoBoolean(attributes.get('use_path_style') ?? '') === true,
		credentials: readCredentials(attributes, environment),
		uploadsAtOnce: readUploads(attributes.get('upload_parallelism')),
		touchRefresh: readDuration(attributes.get('touch_refresh') ?? ''),
	};
}

function readCredentials(attributes: OutputAttributes, environment: Environment): S3Place['credentials'] {
	const accessKeyId = attributes.get('access_key_id') ?? environment.AWS_ACCESS_KEY_ID;
	const secretAccessKey = attributes.get('secret_access_key') ?? environment.AWS_SECRET_ACCESS_KEY;
	if (accessKeyId === undefined || secretAccessKey === undefined) {
		throw new RequestError('failed to solve: no credentials for s3 cache', {hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give access_key_id and secret_access_key.'});
	}

	const sessionToken = attributes.get('session_token') ?? environment.AWS_SESSION_TOKEN;
	return {accessKeyId, secretAccessKey, ...(sessionToken !== undefined && {sessionToken})};
}

function readUploads(text = '4'): number {
	return /^0*[1-9]\d{0,2}$/v.test(text) ? Number(text) : refuse('upload_parallelism must be a positive integer');
}

const day = 24 * 60 * 60 * 1000;

/** Hours, minutes and seconds as Go has them, such as `1h30m`. What is none counts as not given, as in BuildKit. */
function readDuration(text: string): number {
	const {hours, minutes, seconds} = /^(?=\d)(?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?:(?<seconds>\d+)s)?$/v.exec(text)?.groups ?? {hours: '24'};
	const milliseconds = (Number(hours ?? 0) * 3_600_000) + (Number(minutes ?? 0) * 60_000) + (Number(seconds ?? 0) * 1000);
	return Number.isSafeInteger(milliseconds) ? milliseconds : day;
}

function refuse(reason: string): never {
	throw new RequestError(`failed to solve: ${reason}`);
}
