import {Buffer} from 'node:buffer';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import {mediaTypes, type Descriptor, type ImageIndex} from '../kernel/oci-types.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import type {TarMember} from '../../snapshotter/tar-writer.ts';
import {encodeLayoutIndex} from './image-json.ts';

/**
The file that marks a directory as an image layout.

@see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file
*/
const layoutMarker = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/** One blob of an image, of which the content comes when it is asked for. */
export type LayoutBlob = {
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
	readonly content: () => Uint8Array | AsyncIterable<Uint8Array>;
};

/**
The entries of `index.json` for an image: one for each name, or one without a name.

The annotations are those of BuildKit: the full name for containerd, the tag for others.

@see https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
*/
export function layoutEntries(manifest: Descriptor, names: readonly string[]): readonly Descriptor[] {
	if (names.length === 0) {
		return [manifest];
	}

	return names.map(name => annotated(manifest, {
		'io.containerd.image.name': name,
		'org.opencontainers.image.ref.name': parseReference(name).tag ?? familiarReference(parseReference(name)),
	}));
}

/** A descriptor with more annotations, in the order in which Go writes both. */
export function annotated({platform, annotations, ...descriptor}: Descriptor, added: Readonly<Record<string, string>>): Descriptor {
	const all = Object.entries({...annotations, ...added}).toSorted(([left], [right]) => (left < right ? -1 : 1));
	return {
		...descriptor,
		...(all.length > 0 && {annotations: Object.fromEntries(all)}),
		...(platform !== undefined && {platform}),
	};
}

/** The bytes of `index.json`. */
export function layoutIndex(entries: readonly Descriptor[]): Buffer {
	const index: ImageIndex = {schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries};
	return encodeLayoutIndex(index);
}

/**
An image layout as a tar: the blobs in the order of their names, then the index, what Docker reads instead of it if it is given, and the marker. Owners and times are 0, so that the same image is the same archive.

@yields the members in the order of the archive
*/
export function * layoutTarMembers(blobs: readonly LayoutBlob[], {index, dockerManifest}: {readonly index: Buffer; readonly dockerManifest?: Buffer | undefined}): Generator<TarMember> {
	yield {entry: {path: 'blobs/', type: 'directory', mode: 0o755}};
	const sorted = new Map(blobs.map(blob => [blob.digest, blob])).values().toArray().toSorted((left, right) => Buffer.compare(Buffer.from(left.digest), Buffer.from(right.digest)));
	for (const algorithm of new Set(sorted.map(({digest}) => splitDigest(digest).algorithm))) {
		yield {entry: {path: `blobs/${algorithm}/`, type: 'directory', mode: 0o755}};
	}

	for (const {digest, size, content} of sorted) {
		const {algorithm, hex} = splitDigest(digest);
		yield fileMember(`blobs/${algorithm}/${hex}`, {mode: 0o444, size, content: content()});
	}

	yield fileMember('index.json', {mode: 0o644, size: index.length, content: index});
	if (dockerManifest !== undefined) {
		yield fileMember('manifest.json', {mode: 0o644, size: dockerManifest.length, content: dockerManifest});
	}

	yield fileMember('oci-layout', {mode: 0o444, size: layoutMarker.length, content: layoutMarker});
}

function fileMember(path: string, {mode, size, content}: {readonly mode: number; readonly size: number; readonly content: Uint8Array | AsyncIterable<Uint8Array>}): TarMember {
	const entry = {
		path,
		type: 'file',
		mode,
		size,
	} as const;
	return {entry, content};
}
