import {parseDigest, type Digest} from './digest.ts';
import {TsbuildError} from './errors.ts';

/**
A parsed image reference, with the defaults of Docker filled in: `busybox` has domain `docker.io`, path `library/busybox` and tag `latest`.

@see https://pkg.go.dev/github.com/distribution/reference
*/
export type Reference = {
	readonly domain: string;
	readonly path: string;
	readonly tag?: string;
	readonly digest?: Digest;
};

const domainComponent = String.raw`(?:[\dA-Za-z]|[\dA-Za-z][\d\-A-Za-z]*[\dA-Za-z])`;
const domainPattern = String.raw`(?:${domainComponent}(?:\.${domainComponent})*|\[[\d:A-Fa-f]+\])(?::\d+)?`;
const pathComponent = String.raw`[\da-z]+(?:(?:\.|_|__|-+)[\da-z]+)*`;
const nameRegExp = new RegExp(String.raw`^${domainPattern}\/${pathComponent}(?:\/${pathComponent})*$`, 'v');
const tagRegExp = /:(?<tag>\w[\w\-.]{0,127})$/v;

// The longest name that registries take, domain included.
const maximumNameLength = 255;

/**
Reads an image reference as `docker` does.

@returns domain and path always; the tag `latest` when there is neither tag nor digest
@throws {TsbuildError} `ERR_TSBUILD_INVALID_REFERENCE`
*/
export function parseReference(text: string): Reference {
	const {name, tag, digest} = splitReference(text);
	const {domain, path} = splitDomain(name);
	if (/^[\da-f]{64}$/v.test(name)) {
		throw invalidReference(text, 'cannot specify 64-byte hexadecimal strings');
	}

	if (path !== path.toLowerCase() && nameRegExp.test(`${domain}/${path.toLowerCase()}`)) {
		throw invalidReference(text, 'repository name must be lowercase');
	}

	if (domain.length + 1 + path.length > maximumNameLength) {
		throw invalidReference(text, 'repository name must not be more than 255 characters');
	}

	if (!nameRegExp.test(`${domain}/${path}`)) {
		throw invalidReference(text, 'invalid reference format');
	}

	return {
		domain,
		path,
		...(tag !== undefined && {tag}),
		...(digest !== undefined && {digest: readDigest(digest, text)}),
		...(tag === undefined && digest === undefined && {tag: 'latest'}),
	};
}

/** Has the user written a tag? A colon before the last slash is that of a port. */
export function hasTag(text: string): boolean {
	const [name = ''] = text.split('@', 1);
	return name.slice(name.lastIndexOf('/') + 1).includes(':');
}

/** The full form, for example `docker.io/library/busybox:latest`. */
export function formatReference({domain, path, tag, digest}: Reference): string {
	return `${domain}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The short form that a user types: without `docker.io/library/`. */
export function familiarReference(reference: Reference): string {
	const full = formatReference(reference);
	return full.startsWith('docker.io/library/') ? full.slice('docker.io/library/'.length) : full.replace(/^docker\.io\//v, '');
}

function splitReference(text: string): {readonly name: string; readonly tag: string | undefined; readonly digest: string | undefined} {
	const at = text.indexOf('@');
	const tagged = at === -1 ? text : text.slice(0, at);
	const tag = tagRegExp.exec(tagged)?.groups?.tag;
	return {
		name: tag === undefined ? tagged : tagged.slice(0, -1 - tag.length),
		tag,
		digest: at === -1 ? undefined : text.slice(at + 1),
	};
}

function readDigest(digest: string, text: string): Digest {
	try {
		return parseDigest(digest);
	} catch {
		throw invalidReference(text, 'invalid checksum digest');
	}
}

function splitDomain(name: string): {readonly domain: string; readonly path: string} {
	const slash = name.indexOf('/');
	const first = slash === -1 ? '' : name.slice(0, slash);
	const isDomain = first !== '' && (/[.:]/v.test(first) || first === 'localhost' || first !== first.toLowerCase());
	const domain = isDomain ? first : 'docker.io';
	const path = isDomain ? name.slice(slash + 1) : name;
	const canonicalDomain = domain === 'index.docker.io' ? 'docker.io' : domain;
	return {domain: canonicalDomain, path: canonicalDomain === 'docker.io' && !path.includes('/') ? `library/${path}` : path};
}

function invalidReference(text: string, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_INVALID_REFERENCE', `failed to parse image reference ${JSON.stringify(text)}: ${reason}`, {
		hint: 'A reference is [registry/]name[:tag][@digest], the name in lower case.',
	});
}
