import {Buffer} from 'node:buffer';

/** What a user shows a registry. */
export type Credentials =
	| {readonly type: 'password'; readonly username: string; readonly password: string}
	/** A refresh token, to be changed for tokens by OAuth. */
	| {readonly type: 'identity-token'; readonly username: string; readonly token: string}
	/** Shown to the registry as it is. */
	| {readonly type: 'registry-token'; readonly token: string};

/**
Finds what a user has for a registry.

@param domain - as in a reference: `docker.io`, `localhost:5000`
@returns `undefined` for a user without a name
@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export type CredentialLookup = (domain: string) => Promise<Credentials | undefined>;

/** The words in it that must not be seen. */
export function secretsOf(credentials: Credentials): readonly string[] {
	switch (credentials.type) {
		case 'password': {
			return [credentials.password, encodeBasic(credentials)];
		}

		case 'identity-token':
		case 'registry-token': {
			return [credentials.token];
		}
	}
}

// A password of three letters would make any text unreadable, and hide nothing.
const minimumSecret = 4;

/** The text without the secrets. */
export function redact(text: string, secrets: Iterable<string>): string {
	let redacted = text;
	for (const secret of secrets) {
		redacted = secret.length < minimumSecret ? redacted : redacted.replaceAll(secret, '[redacted]');
	}

	return redacted;
}

/**
User and password for the `Basic` scheme.

@see https://www.rfc-editor.org/rfc/rfc7617
*/
export function encodeBasic({username, password}: {readonly username: string; readonly password: string}): string {
	return Buffer.from(`${username}:${password}`).toString('base64');
}
