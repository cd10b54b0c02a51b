import type {DefinitionBuilder} from '../../../src/definition/definition.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {ResolvedImage} from '../base-images.ts';
import type {ImageSource} from '../stage-sources.ts';
import type {StageNames} from './stage-names.ts';

export type AddImageOptions = {readonly definition: DefinitionBuilder; readonly names: StageNames | undefined};

/**
Adds the vertex of an image. `names` are those of the stage that begins with the image, not given when files are copied from it.

@returns `null` for an image without layers
*/
export function addImage(image: ResolvedImage, source: ImageSource, {definition, names}: AddImageOptions): Digest | null {
	const {reference, manifestDigest, location, config} = image;
	const hasLayers = (config.rootfs.diff_ids ?? []).length > 0;
	if (!hasLayers) {
		return null;
	}

	const text = describeImage(image, source);
	return definition.add(
		{
			kind: 'source-image', location, reference, manifestDigest, platform: source.platform,
		},
		[],
		{name: source.namedContext === undefined ? names?.next(text) ?? text : text, locations: [source.location], ignoreCache: false},
	);
}

function describeImage({reference, manifestDigest, location}: ResolvedImage, {namedContext}: ImageSource): string {
	return namedContext === undefined ? `FROM ${reference.includes('@') ? reference : `${reference}@${manifestDigest}`}` : `[context ${namedContext}] ${location.type === 'oci-layout' ? 'OCI load from client' : reference}`;
}
