import {isIP} from 'node:net';
import {TsbuildError} from '../kernel/errors.ts';

/** Which bucket is meant, and who has it. */
export type BucketLocation = {
	readonly bucket: string;
	/** `us-east-1` */
	readonly region: string;
	/** The address of a server other than those of AWS. */
	readonly endpoint?: string;
	/** The bucket is the first part of the path, and not of the host. It counts with an endpoint only. */
	readonly usesPathStyle: boolean;
};

// Older buckets have names with these too. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
const bucketName = /^[^\W_][\w\-.]{1,254}$/v;

const regionName = /^[\-0-9a-z]+$/v;

/**
The address of a bucket; that of an object has its key behind.

@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS` when the location makes none
@see https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
*/
export function bucketAddress({bucket, region, endpoint, usesPathStyle}: BucketLocation): URL {
	if (!bucketName.test(bucket) || !regionName.test(region)) {
		throw addressError(`failed to find the bucket ${JSON.stringify(bucket)} in the region ${JSON.stringify(region)}: these are no names of a bucket and a region`);
	}

	const url = endpoint === undefined ? new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`) : parseEndpoint(endpoint);
	const directory = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
	if ((endpoint !== undefined && usesPathStyle) || !canBeHost(bucket, url)) {
		url.pathname = `${directory}${bucket}/`;
	} else {
		url.hostname = `${bucket}.${url.hostname}`;
		url.pathname = directory;
	}

	return url;
}

/** Certificates count for one label, addresses have no labels, and hosts are written in lower case. */
function canBeHost(bucket: string, {protocol, hostname}: URL): boolean {
	const isName = protocol === 'https:' ? /^[\-0-9a-z]+$/v.test(bucket) : /^[\-.0-9a-z]+$/v.test(bucket);
	return isName && isIP(hostname.replaceAll(/[\[\]]/gv, '')) === 0;
}

/** Without anything that an address may have besides: a password would show up in messages. */
function parseEndpoint(text: string): URL {
	const url = URL.parse(text);
	if (url === null || !/^https?:$/v.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
		throw addressError('failed to read endpoint_url: it is no address like https://minio.example:9000');
	}

	return url;
}

function addressError(message: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_S3_ADDRESS', message);
}
