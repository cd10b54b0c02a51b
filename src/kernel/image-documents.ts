import is from '@sindresorhus/is';
import {parseDigest, parseDiffId} from './digest.ts';
import {errorMessage, TsbuildError} from './errors.ts';
import {
	mediaTypes,
	type Descriptor,
	type HistoryEntry,
	type ImageConfig,
	type ImageIndex,
	type ImageManifest,
} from './oci-types.ts';

/*
The JSON documents of images come from outside. They are checked here once, field by field as far as we use them; after that they are typed.
*/

/** A manifest or an index, told apart. */
export type ImageDocument =
	| {readonly kind: 'manifest'; readonly manifest: ImageManifest}
	| {readonly kind: 'index'; readonly index: ImageIndex};

const manifestTypes: ReadonlySet<string> = new Set([mediaTypes.manifest, mediaTypes.dockerManifest]);
const indexTypes: ReadonlySet<string> = new Set([mediaTypes.index, mediaTypes.dockerIndex]);

// JSON.parse reads any depth, but what we write again goes through JSON.stringify, which a few thousand levels overflow. Real documents have about six.
const maximumDepth = 100;

/** Is it the media type of a manifest of one image? */
export function isManifestType(mediaType: string): boolean {
	return manifestTypes.has(mediaType);
}

/** Is it the media type of an index of several manifests? */
export function isIndexType(mediaType: string): boolean {
	return indexTypes.has(mediaType);
}

/**
Reads a manifest or an index.

The type is the one that the document names, else `mediaType`, which its descriptor says; where that is empty, the fields tell. A document that could be both is refused: others would take it for the other.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE`
@see https://github.com/opencontainers/image-spec/blob/main/manifest.md
@see https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
*/
export function parseImageDocument(bytes: Uint8Array, mediaType: string): ImageDocument {
	const document = parseObject(bytes, 'manifest');
	if (document.schemaVersion === 1) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', 'failed to read image manifest: Docker Image manifest version 2, schema 1 is not supported', {
			hint: 'Pull it with an older Docker and push it again with a new one: that makes a manifest of schema 2.',
		});
	}

	const type = document.mediaType ?? (mediaType === '' ? typeByFields(document) : mediaType);
	if (!is.string(type) || document.schemaVersion !== 2) {
		throw imageError('manifest', 'it has no known schema version');
	}

	if (isIndexLike(document) && isManifestLike(document)) {
		throw imageError('manifest', 'it is both a manifest and an index');
	}

	if (isIndexType(type)) {
		return {kind: 'index', index: {schemaVersion: 2, mediaType: type, manifests: parseDescriptors(document.manifests, 'manifests')}};
	}

	if (isManifestType(type)) {
		return {
			kind: 'manifest',
			manifest: {
				schemaVersion: 2,
				mediaType: type,
				config: parseDescriptor(document.config, 'config'),
				layers: parseDescriptors(document.layers ?? [], 'layers'),
				...(isStringRecord(document.annotations) && {annotations: document.annotations}),
			},
		};
	}

	throw imageError('manifest', `its media type ${JSON.stringify(type.slice(0, 200))} is not one of an image`);
}

function typeByFields(document: Readonly<Record<string, unknown>>): string {
	return isIndexLike(document) ? mediaTypes.index : mediaTypes.manifest;
}

function isIndexLike({manifests}: Readonly<Record<string, unknown>>): boolean {
	return manifests !== undefined;
}

function isManifestLike({config, layers}: Readonly<Record<string, unknown>>): boolean {
	return config !== undefined || layers !== undefined;
}

/**
Reads an image config. Fields that we do not know are kept as they are.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE`
@see https://github.com/opencontainers/image-spec/blob/main/config.md
*/
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
	const document = parseObject(bytes, 'config');
	const {architecture, os, rootfs, history, config = {}} = document;
	if (!is.string(architecture) || !is.string(os)) {
		throw imageError('config', 'architecture or os is missing');
	}

	const wrong = configTexts.find(name => !is.nullOrUndefined(document[name]) && !is.string(document[name]));
	if (wrong !== undefined) {
		throw imageError('config', `${wrong} has an unexpected type`);
	}

	if (!is.plainObject(rootfs) || rootfs.type !== 'layers' || !(is.nullOrUndefined(rootfs.diff_ids) || is.array(rootfs.diff_ids, is.string))) {
		throw imageError('config', 'rootfs is not a list of layers');
	}

	if (!(is.nullOrUndefined(history) || is.array(history, isHistoryEntry))) {
		throw imageError('config', 'history is not a list of entries');
	}

	return {
		...document,
		architecture,
		os,
		config: checkContainerConfig(config ?? {}),
		rootfs: {type: 'layers', diff_ids: rootfs.diff_ids?.map(diffId => parseDiffId(diffId)) ?? null},
		history: history ?? null,
	};
}

function isHistoryEntry(value: unknown): value is HistoryEntry {
	return is.plainObject(value)
		&& ['created', 'created_by', 'author', 'comment'].every(key => value[key] === undefined || is.string(value[key]))
		&& (value.empty_layer === undefined || is.boolean(value.empty_layer));
}

const configTexts = ['created', 'author', 'variant', 'os.version'];
const stringLists = ['Env', 'Entrypoint', 'Cmd', 'OnBuild', 'Shell'];
const strings = ['User', 'WorkingDir', 'StopSignal'];
const objects = ['ExposedPorts', 'Volumes', 'Healthcheck'];
const stringRecords = ['Labels'];

function checkContainerConfig(config: unknown): ImageConfig['config'] {
	if (!is.plainObject(config)) {
		throw imageError('config', 'config is no object');
	}

	const checks: ReadonlyArray<readonly [readonly string[], (value: unknown) => boolean]> = [
		[stringLists, value => is.array(value, is.string)],
		[strings, value => is.string(value)],
		[objects, value => is.plainObject(value)],
		[stringRecords, value => isStringRecord(value)],
	];
	for (const [names, isRight] of checks) {
		const wrong = names.find(name => !is.nullOrUndefined(config[name]) && !isRight(config[name]));
		if (wrong !== undefined) {
			throw imageError('config', `${wrong} has an unexpected type`);
		}
	}

	return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}

function parseDescriptors(value: unknown, field: string): readonly Descriptor[] {
	if (!is.array(value)) {
		throw imageError('manifest', `${field} is not a list`);
	}

	return value.map(entry => parseDescriptor(entry, field));
}

function parseDescriptor(value: unknown, field: string): Descriptor {
	if (!is.plainObject(value) || !is.string(value.mediaType) || !is.string(value.digest) || !isSize(value.size)) {
		throw imageError('manifest', `${field} holds no descriptor`);
	}

	const {mediaType, digest, size, annotations, platform} = value;
	return {
		mediaType,
		digest: parseDigest(digest),
		size,
		...(isStringRecord(annotations) && {annotations}),
		...(isPlatform(platform) && {platform}),
	};
}

function isSize(value: unknown): value is number {
	return is.safeInteger(value) && (value) >= 0;
}

function isStringRecord(value: unknown): value is Record<string, string> {
	return is.plainObject(value) && Object.values(value).every(entry => is.string(entry));
}

function isPlatform(value: unknown): value is NonNullable<Descriptor['platform']> {
	return is.plainObject(value) && is.string(value.os) && is.string(value.architecture) && (value.variant === undefined || is.string(value.variant));
}

function parseObject(bytes: Uint8Array, kind: string): Record<string, unknown> {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
	} catch (error) {
		throw imageError(kind, errorMessage(error), error);
	}

	if (!is.plainObject(value)) {
		throw imageError(kind, 'it is no object');
	}

	if (isDeeperThan(value, maximumDepth)) {
		throw imageError(kind, `it is nested more than ${maximumDepth} deep`);
	}

	return value;
}

// Level by level: what is too deep for the stack must not be looked for by recursion.
function isDeeperThan(value: unknown, limit: number): boolean {
	let level: readonly unknown[] = [value];
	for (let depth = 0; depth < limit && level.length > 0; depth++) {
		level = level.flatMap((entry): readonly unknown[] => Object.values(entry as Record<string, unknown>)).filter(entry => is.object(entry));
	}

	return level.length > 0;
}

function imageError(kind: string, reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${kind}: ${reason}`, cause === undefined ? {} : {cause});
}
