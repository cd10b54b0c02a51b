import {Buffer} from 'node:buffer';
import {TsbuildError} from '../kernel/errors.ts';

/**
A path or file name. Linux names are bytes: a `string` stands for its UTF-8 form, and what is not UTF-8 is a `Uint8Array`.
*/
export type Name = string | Uint8Array;

/**
The bytes of a name.
*/
export function nameBytes(name: Name): Buffer {
	return typeof name === 'string' ? Buffer.from(name) : Buffer.from(name.buffer, name.byteOffset, name.byteLength);
}

/**
A name as C takes it, with a NUL byte at its end.

@throws {TsbuildError} `ERR_TSBUILD_INVALID_PATH` for a name with a NUL byte inside: C would silently use what stands before it
*/
export function cString(name: Name): Buffer {
	if (typeof name === 'string' ? name.includes('\0') : name.includes(0)) {
		throw new TsbuildError('ERR_TSBUILD_INVALID_PATH', `failed to use path ${displayName(name)}: it contains a NUL byte`);
	}

	return typeof name === 'string' ? Buffer.from(`${name}\0`) : Buffer.concat([name, Buffer.of(0)]);
}

/**
A name for messages: as it is, or quoted as JSON when it holds control characters, which a hostile image could use to write on the user's terminal.
*/
export function displayName(name: Name): string {
	const text = nameBytes(name).toString();
	return /\p{Control}/v.test(text) ? JSON.stringify(text).replaceAll(/\p{Control}/gv, character => String.raw`\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`) : text;
}
