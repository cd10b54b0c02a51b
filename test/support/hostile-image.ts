import {Buffer} from 'node:buffer';
import {gzipSync} from 'node:zlib';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import type {ScriptedAnswer, ScriptedRequest} from './scripted-registry.ts';
import {blocks, endOfArchive, rawHeader} from './tar-bytes.ts';

type Json = Readonly<Record<string, unknown>>;

type Named = {readonly mediaType: string; readonly digest: Digest; readonly size: number};

/** What a hostile registry does besides giving an image. */
export type HostileOptions = {
	readonly config?: (config: Json) => unknown;
	/** Gets the manifest with the right descriptors. */
	readonly manifest?: (manifest: Json) => unknown;
	/** What is served under the tag instead of the manifest; `add` serves more. */
	readonly root?: (manifest: Named, add: (mediaType: string, body: string) => Named) => {readonly mediaType: string; readonly body: string};
	/** Changes an answer: what was asked, and what the honest registry says. */
	readonly answer?: (request: ScriptedRequest, honest: ScriptedAnswer) => ScriptedAnswer;
	/** The uncompressed layer. */
	readonly layer?: Buffer;
};

/** An image in a registry that may lie, as a script for `startScriptedRegistry`. Every path that it does not have is 404. */
export function hostileRegistry(
	{config: changeConfig = same, manifest: changeManifest = same, root, answer = (_, honest) => honest, layer = fileLayer}: HostileOptions,
): (request: ScriptedRequest) => ScriptedAnswer {
	const blobs = new Map<string, {readonly mediaType: string; readonly body: string | Buffer}>();
	const add = (mediaType: string, body: string | Buffer) => {
		const digest = digestOf(body);
		blobs.set(digest, {mediaType, body});
		return {mediaType, digest, size: Buffer.byteLength(body)};
	};

	const compressed = gzipSync(layer);
	const honestConfig = {
		architecture: 'amd64', os: 'linux', config: {}, rootfs: {type: 'layers', diff_ids: [digestOf(layer)]},
	};
	const config = add(mediaTypes.config, JSON.stringify(changeConfig(honestConfig)));
	const honestManifest = {
		schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [add(mediaTypes.layerGzip, compressed)],
	};
	const manifest = JSON.stringify(changeManifest(honestManifest));
	const descriptor = add(mediaTypes.manifest, manifest);
	const tagged = root?.(descriptor, add) ?? {mediaType: mediaTypes.manifest, body: manifest};
	add(tagged.mediaType, tagged.body);
	return request => {
		const {name = ''} = /^\/v2\/image\/(?:manifests|blobs)\/(?<name>[^\/?]+)$/v.exec(request.path)?.groups ?? {};
		const found = name === 'latest' ? tagged : blobs.get(name);
		const honest = found === undefined
			? {status: request.path === '/v2/' ? 200 : 404}
			: {headers: {'content-type': found.mediaType, 'docker-content-digest': digestOf(found.body)}, body: found.body};
		return answer(request, honest);
	};
}

/** One small file. */
const fileLayer = Buffer.concat([rawHeader({name: Buffer.from('file'), size: 5}), blocks('hello'), endOfArchive]);

function same(value: unknown): unknown {
	return value;
}
