import {StatusError, type StatusErrorOptions} from '../http/status-error.ts';
import {textOf} from './xml-text.ts';

/** What S3 can answer instead of what was asked for. */
export type S3ErrorCode =
	| 'ERR_TSBUILD_S3_DENIED'
	| 'ERR_TSBUILD_S3_NOT_FOUND'
	| 'ERR_TSBUILD_S3_STATUS';

/** S3, or what speaks like it, does not do what it was asked. */
export class S3Error extends StatusError {
	override readonly name = 'S3Error';
	declare readonly code: S3ErrorCode;

	constructor(code: S3ErrorCode, message: string, options: StatusErrorOptions = {}) {
		super(code, message, options);
	}
}

/** An answer with a status that was not to be expected. */
export type RefusedAnswer = {
	/** As the API calls it: `PutObject`. */
	readonly operation: string;
	readonly bucket: string;
	readonly status: number;
	readonly statusText: string;
	/** XML, if anything. */
	readonly body: string;
	readonly retryAfterSeconds?: number | undefined;
	/** Where the bucket is, if it is not where it was asked for. */
	readonly bucketRegion?: string | undefined;
	/** Were there credentials to show? */
	readonly hasCredentials: boolean;
	/** Takes out what must not be seen. */
	readonly redact: (text: string) => string;
};

/** The name of an error that says that there is no such bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const noSuchBucket = 'NoSuchBucket';

// A terminal obeys control characters, and a page of HTML tells nobody anything.
const maximumSaid = 1000;

/**
The error for an answer, in the words of the SDK that BuildKit has: `operation error S3: PutObject, api error AccessDenied: Access Denied`.

@returns `ERR_TSBUILD_S3_DENIED` for 401 and 403, `ERR_TSBUILD_S3_NOT_FOUND` for 404, else `ERR_TSBUILD_S3_STATUS`
@see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
*/
export function refusal(answer: RefusedAnswer): S3Error {
	const {operation, status, statusText, body, retryAfterSeconds, redact} = answer;
	const name = textOf(body, 'Code');
	const said = name === '' ? statusText : `${name}: ${textOf(body, 'Message')}`;
	const message = redact(said).replaceAll(/\p{Control}/gv, ' ').slice(0, maximumSaid).trim();
	const hint = hintFor(answer, name);
	return new S3Error(codeOf(status), `operation error S3: ${operation}, api error ${message}`, {status, retryAfterSeconds, ...(hint !== undefined && {hint})});
}

/** Does an answer of 404 say that there is no object, and not that there is no bucket? */
export function isMissingObject({status, body}: Pick<RefusedAnswer, 'body' | 'status'>): boolean {
	return status === 404 && textOf(body, 'Code') !== noSuchBucket;
}

function codeOf(status: number): S3ErrorCode {
	switch (status) {
		case 401:
		case 403: {
			return 'ERR_TSBUILD_S3_DENIED';
		}

		case 404: {
			return 'ERR_TSBUILD_S3_NOT_FOUND';
		}

		default: {
			return 'ERR_TSBUILD_S3_STATUS';
		}
	}
}

function hintFor({status, bucket, bucketRegion, hasCredentials}: RefusedAnswer, name: string): string | undefined {
	if (bucketRegion !== undefined) {
		return `The bucket ${bucket} is in another region: region=${bucketRegion}.`;
	}

	if (codeOf(status) === 'ERR_TSBUILD_S3_DENIED') {
		return hasCredentials
			? `Check the access key, its secret, and whether they may read and write the bucket ${bucket}.`
			: 'Say who asks: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or access_key_id= and secret_access_key=.';
	}

	if (name === noSuchBucket) {
		return `Make the bucket ${bucket} first, or check its name, its region and endpoint_url.`;
	}

	return status >= 500 ? 'The server has a problem of its own: try again later.' : undefined;
}
