/** A server of S3 that keeps its objects in a directory. https://github.com/jamhall/s3rver */
declare module 's3rver' {
	import type {RequestListener} from 'node:http';

	export default class S3rver {
		constructor(options: {
			readonly silent: boolean;
			readonly directory: string;
			readonly configureBuckets: ReadonlyArray<{readonly name: string}>;
		});

		configureBuckets(): Promise<void>;
		callback(): RequestListener;
	}
}
