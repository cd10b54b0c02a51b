import {Buffer} from 'node:buffer';
import {createPrivateKey, sign, type KeyObject} from 'node:crypto';
import {TsbuildError} from '../kernel/errors.ts';
import {readOpenSshKey} from './openssh-key.ts';
import {encodeInteger, encodeString} from './wire.ts';

/** A key that signs. */
export type PrivateKey = {
	/** As SSH sends it: https://www.rfc-editor.org/rfc/rfc4253#section-6.6 */
	readonly publicKey: Uint8Array;
	/** The signature of some data, with the name of its kind. Flags are those of a request to an agent. */
	sign(data: Uint8Array, flags: number): Uint8Array;
};

type Curve = {readonly name: string; readonly hash: string; readonly size: number};

// https://www.rfc-editor.org/rfc/rfc5656#section-6.2.1
const curves: Readonly<Record<string, Curve>> = {
	'P-256': {name: 'nistp256', hash: 'sha256', size: 32},
	'P-384': {name: 'nistp384', hash: 'sha384', size: 48},
	'P-521': {name: 'nistp521', hash: 'sha512', size: 66},
};

// https://www.rfc-editor.org/rfc/rfc9987#section-6.3
const SSH_AGENT_RSA_SHA2_256 = 2;
const SSH_AGENT_RSA_SHA2_512 = 4;

const pemBlock = /^-----BEGIN (?<type>[ A-Z]+)-----(?<body>.*?)^-----END \k<type>-----/msv;
const plainTypes: ReadonlySet<string> = new Set(['RSA PRIVATE KEY', 'EC PRIVATE KEY', 'PRIVATE KEY']);

/**
Reads a private key, RSA, ECDSA or Ed25519, as OpenSSH or OpenSSL writes it. What it throws holds nothing of the key.

@throws {TsbuildError} `ERR_TSBUILD_SSH` in the words of Go's ssh package, which BuildKit has them from
@see https://pkg.go.dev/golang.org/x/crypto/ssh#ParseRawPrivateKey
*/
export function parsePrivateKey(text: string): PrivateKey {
	const {type, body = ''} = pemBlock.exec(text)?.groups ?? {};
	if (type === undefined) {
		throw new TsbuildError('ERR_TSBUILD_SSH', 'ssh: no key found', {hint: 'Name the socket of an agent, or the file of a private key.'});
	}

	if (type === 'ENCRYPTED PRIVATE KEY' || body.includes('Proc-Type: 4,ENCRYPTED')) {
		throw passphraseNeeded();
	}

	if (type === 'OPENSSH PRIVATE KEY') {
		return fromKey(toKey(() => createPrivateKey({key: readOpenSshKey(Buffer.from(body, 'base64'), passphraseNeeded), format: 'jwk'})));
	}

	if (!plainTypes.has(type)) {
		throw new TsbuildError('ERR_TSBUILD_SSH', `ssh: unsupported key type ${JSON.stringify(type)}`);
	}

	return fromKey(toKey(() => createPrivateKey(text)));
}

function passphraseNeeded(): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SSH', 'ssh: this private key is passphrase protected', {hint: 'Add it to an agent with ssh-add, and give the agent: --ssh default.'});
}

/** What goes wrong with the bytes of a key is not told further: it could hold some of them. */
function toKey(make: () => KeyObject): KeyObject {
	try {
		return make();
	} catch (error) {
		throw error instanceof TsbuildError ? error : new TsbuildError('ERR_TSBUILD_SSH', 'ssh: malformed private key');
	}
}

function fromKey(key: KeyObject): PrivateKey {
	const {kty, crv = '', ...parts} = key.export({format: 'jwk'});
	const part = (name: 'e' | 'n' | 'x' | 'y') => Buffer.from(parts[name] ?? '', 'base64url');
	if (kty === 'RSA') {
		return {
			publicKey: Buffer.concat([encodeString('ssh-rsa'), encodeInteger(part('e')), encodeInteger(part('n'))]),
			sign: (data, flags) => signRsa(key, data, flags),
		};
	}

	if (crv === 'Ed25519') {
		const name = encodeString('ssh-ed25519');
		return {
			publicKey: Buffer.concat([name, encodeString(part('x'))]),
			sign: data => Buffer.concat([name, encodeString(sign(null, data, key))]),
		};
	}

	const curve = curves[crv];
	if (curve === undefined) {
		throw new TsbuildError('ERR_TSBUILD_SSH', 'ssh: unsupported key type');
	}

	return fromCurve(key, curve, Buffer.concat([Buffer.of(4), part('x'), part('y')]));
}

function fromCurve(key: KeyObject, {name, hash, size}: Curve, point: Uint8Array): PrivateKey {
	const kind = encodeString(`ecdsa-sha2-${name}`);
	return {
		publicKey: Buffer.concat([kind, encodeString(name), encodeString(point)]),
		sign(data) {
			const signature = sign(hash, data, {key, dsaEncoding: 'ieee-p1363'});
			const numbers = [signature.subarray(0, size), signature.subarray(size)].map(number => encodeInteger(number));
			return Buffer.concat([kind, encodeString(Buffer.concat(numbers))]);
		},
	};
}

function signRsa(key: KeyObject, data: Uint8Array, flags: number): Uint8Array {
	const [name, hash] = rsaSignature(flags);
	return Buffer.concat([encodeString(name), encodeString(sign(hash, data, key))]);
}

// https://www.rfc-editor.org/rfc/rfc8332
function rsaSignature(flags: number): readonly [name: string, hash: string] {
	if ((flags & SSH_AGENT_RSA_SHA2_512) !== 0) {
		return ['rsa-sha2-512', 'sha512'];
	}

	return (flags & SSH_AGENT_RSA_SHA2_256) === 0 ? ['ssh-rsa', 'sha1'] : ['rsa-sha2-256', 'sha256'];
}
