import {Buffer} from 'node:buffer';
import {stringifyAsGo} from '../kernel/go-json.ts';
import type {ImageConfig, ImageIndex, ImageManifest} from '../kernel/oci-types.ts';

/*
Images are named by the digests of their JSON documents, so the text matters to the byte. It is that of Go's encoding/json, which BuildKit uses: the same image has the same digests here and there.
*/

type Json = string | number | boolean | null | readonly Json[] | {readonly [key: string]: Json | undefined};

// The fields of Docker's ContainerConfig in the order of its Go struct.
// https://github.com/moby/docker-image-spec/blob/main/specs-go/v1/image.go
const containerConfigOrder = ['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels', 'StopSignal', 'ArgsEscaped', 'Healthcheck', 'OnBuild', 'Shell'];
const historyOrder = ['created', 'created_by', 'author', 'comment', 'empty_layer'];
const rootfsOrder = ['type', 'diff_ids'];

/** The bytes of an image config. Its outer fields are sorted, as BuildKit's exporter writes them. */
export function encodeImageConfig(config: ImageConfig): Buffer {
	const ordered = {
		...config,
		config: sortMaps(inOrder(config.config, containerConfigOrder), ['ExposedPorts', 'Volumes', 'Labels']),
		rootfs: inOrder(config.rootfs, rootfsOrder),
		...(config.history && {history: config.history.map(entry => inOrder(entry as Json, historyOrder))}),
	} as unknown as Readonly<Record<string, Json>>;
	return encode(inOrder(ordered, Object.keys(ordered).toSorted()));
}

/** The bytes of a manifest or an index: indented by two spaces, as BuildKit writes them. */
export function encodeManifest(manifest: ImageManifest | ImageIndex): Buffer {
	return encode(manifest, '  ');
}

/** The bytes of `index.json` of an image layout. */
export function encodeLayoutIndex(index: ImageIndex): Buffer {
	return encode(index);
}

function encode(value: Json, indent?: string): Buffer {
	return Buffer.from(stringifyAsGo(value, indent));
}

function inOrder(object: Json, order: readonly string[]): Readonly<Record<string, Json | undefined>> {
	const source = object as Readonly<Record<string, Json | undefined>>;
	const known = new Set(order.filter(key => source[key] !== undefined));
	const others = Object.keys(source).filter(key => !known.has(key) && source[key] !== undefined).toSorted();
	return Object.fromEntries([...known, ...others].map(key => [key, source[key]]));
}

function sortMaps(object: Readonly<Record<string, Json | undefined>>, keys: readonly string[]): Json {
	return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, keys.includes(key) ? inOrder(value!, Object.keys(value as Record<string, unknown>).toSorted()) : value]));
}
