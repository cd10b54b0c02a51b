import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import type {Platform} from '../../src/kernel/platform.ts';

/** An image of the repository that an index names. */
export type IndexEntry = {
	readonly tag: string;
	readonly platform: Platform;
};

/** Puts an index of images that are in the same repository already into a registry, under `tag`. */
export async function pushIndex(host: string, {repository, tag}: {readonly repository: string; readonly tag: string}, entries: readonly IndexEntry[]): Promise<void> {
	const address = `http://${host}/v2/${repository}/manifests/`;
	const manifests = await Promise.all(entries.map(async entry => {
		const response = await fetch(`${address}${entry.tag}`, {headers: {accept: mediaTypes.manifest}});
		const bytes = new Uint8Array(await response.arrayBuffer());
		return {
			mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length, platform: entry.platform,
		};
	}));
	const body = JSON.stringify({schemaVersion: 2, mediaType: mediaTypes.index, manifests});
	const {status} = await fetch(`${address}${tag}`, {method: 'PUT', headers: {'content-type': mediaTypes.index}, body});
	if (status !== 201) {
		throw new Error(`the registry does not take the index: ${status}`);
	}
}
