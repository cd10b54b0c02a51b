import {createHmac} from 'node:crypto';

/** What AWS gives to whoever may use it. */
export type AwsKeys = {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	/** Of keys that count for a while only. */
	readonly sessionToken?: string;
};

/** What a key signs. */
export type SigningScope = {
	/** `20130524` */
	readonly date: string;
	/** `us-east-1` */
	readonly region: string;
};

/** Keys of AWS that sign, and show up in no message, log or JSON. */
export class AwsCredentials {
	readonly #secretAccessKey: string;
	readonly #sessionToken: string | undefined;
	readonly accessKeyId: string;

	constructor({accessKeyId, secretAccessKey, sessionToken}: AwsKeys) {
		this.accessKeyId = accessKeyId;
		this.#secretAccessKey = secretAccessKey;
		this.#sessionToken = sessionToken;
	}

	get sessionToken(): string | undefined {
		return this.#sessionToken;
	}

	/**
	Signs a text.

	@returns hexadecimal
	@see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
	*/
	sign(text: string, {date, region}: SigningScope): string {
		let key: string | Uint8Array = `AWS4${this.#secretAccessKey}`;
		for (const part of [date, region, 's3', 'aws4_request']) {
			key = createHmac('sha256', key).update(part).digest();
		}

		return createHmac('sha256', key).update(text).digest('hex');
	}

	/** Takes out of a text what must not be seen: a server may send back what it was told. */
	redact(text: string): string {
		const redacted = text.replaceAll(this.#secretAccessKey, '***');
		return this.#sessionToken === undefined ? redacted : redacted.replaceAll(this.#sessionToken, '***');
	}
}
