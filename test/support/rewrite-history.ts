import {Buffer} from 'node:buffer';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {digestOf, splitDigest, type Digest} from '../../src/kernel/digest.ts';

type Descriptor = {digest: Digest; size: number};

/**
Changes what the configuration of an image says, and leaves its layers as they are. Its digests are those of the changed documents.

@param layout directory of an OCI layout with one image
@param change gets the text of the configuration
*/
export async function rewriteHistory(layout: string, change: (config: string) => string): Promise<void> {
	const blob = (digest: Digest) => {
		const {algorithm, hex} = splitDigest(digest);
		return path.join(layout, 'blobs', algorithm, hex);
	};

	const replace = async (descriptor: Descriptor, text: string) => {
		descriptor.digest = digestOf(text);
		descriptor.size = Buffer.byteLength(text);
		await writeFile(blob(descriptor.digest), text);
	};

	const read = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as {readonly manifests: readonly [Descriptor]; readonly config: Descriptor};
	const indexFile = path.join(layout, 'index.json');
	const index = await read(indexFile);
	const [root] = index.manifests;
	const manifest = await read(blob(root.digest));
	const config = await readFile(blob(manifest.config.digest), 'utf8');
	await replace(manifest.config, change(config));
	await replace(root, JSON.stringify(manifest));
	await writeFile(indexFile, JSON.stringify(index));
}
