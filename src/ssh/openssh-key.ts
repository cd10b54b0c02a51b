import {Buffer} from 'node:buffer';
import type {JsonWebKey} from 'node:crypto';
import {TsbuildError} from '../kernel/errors.ts';
import {WireReader} from './wire.ts';

const magic = 'openssh-key-v1\0';

// JWK curves by the names of SSH, with the bytes of a coordinate: https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1.1
const curves: Readonly<Record<string, {readonly crv: string; readonly size: number}>> = {
	nistp256: {crv: 'P-256', size: 32},
	nistp384: {crv: 'P-384', size: 48},
	nistp521: {crv: 'P-521', size: 66},
};

/**
Reads the private key in the content of a file that OpenSSH has written. `passphraseNeeded` makes the error for one that is encrypted.

@throws {TsbuildError} `ERR_TSBUILD_SSH`; {RangeError} when something is cut off
@see https://github.com/openssh/openssh-portable/blob/V_10_0_P2/PROTOCOL.key
*/
export function readOpenSshKey(content: Buffer, passphraseNeeded: () => TsbuildError): JsonWebKey {
	if (content.toString('latin1', 0, magic.length) !== magic) {
		throw malformed('ssh: invalid openssh private key format');
	}

	const reader = new WireReader(content.subarray(magic.length));
	const [cipher, derivation] = [reader.readText(), reader.readText()];
	if (cipher !== 'none' || derivation !== 'none') {
		throw passphraseNeeded();
	}

	reader.readBytes();
	if (reader.readNumber() !== 1) {
		throw malformed('ssh: multi-key files are not supported');
	}

	reader.readBytes();
	const secret = new WireReader(reader.readBytes());
	const [check, checkAgain] = [secret.readNumber(), secret.readNumber()];
	if (check !== checkAgain) {
		throw malformed('ssh: malformed OpenSSH key');
	}

	return readKey(secret);
}

function readKey(reader: WireReader): JsonWebKey {
	const kind = reader.readText();
	switch (kind) {
		case 'ssh-rsa': {
			return readRsa(reader);
		}

		case 'ssh-ed25519': {
			// The private key is followed by the public one once more.
			const [x, d] = [reader.readBytes(), reader.readBytes().subarray(0, 32)];
			return {
				kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url'), d: d.toString('base64url'),
			};
		}

		case 'ecdsa-sha2-nistp256':
		case 'ecdsa-sha2-nistp384':
		case 'ecdsa-sha2-nistp521': {
			const {crv, size} = curves[kind.slice('ecdsa-sha2-'.length)]!;
			reader.readBytes();
			const [point, d] = [reader.readBytes(), readInteger(reader)];
			const coordinate = (index: number) => point.subarray(1 + (index * size), 1 + ((index + 1) * size)).toString('base64url');
			return {
				kty: 'EC', crv, x: coordinate(0), y: coordinate(1), d: encodeBase64(d, size),
			};
		}

		default: {
			throw malformed('ssh: unhandled key type');
		}
	}
}

function readRsa(reader: WireReader): JsonWebKey {
	const [n, exponent, d, qi, p, q] = Array.from({length: 6}, () => readInteger(reader)) as [bigint, bigint, bigint, bigint, bigint, bigint];
	if (p < 2n || q < 2n) {
		throw malformed('ssh: malformed OpenSSH key');
	}

	const parts = {
		n, e: exponent, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi,
	};
	return {kty: 'RSA', ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, encodeBase64(value)]))};
}

function readInteger(reader: WireReader): bigint {
	return BigInt(`0x0${reader.readBytes().toString('hex')}`);
}

function encodeBase64(value: bigint, size = 0): string {
	const digits = value.toString(16);
	return Buffer.from(digits.padStart(Math.max(digits.length + (digits.length % 2), size * 2), '0'), 'hex').toString('base64url');
}

function malformed(message: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SSH', message);
}
