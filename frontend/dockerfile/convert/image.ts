import type {CopyAction} from '../../../src/definition/operations.ts';
import type {DefinitionBuilder} from '../../../src/definition/definition.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {ResolvedFiles, ResolvedImage, ResolvedReference} from '../base-images.ts';
import type {ImageSource} from '../stage-sources.ts';
import type {StageNames} from './stage-names.ts';

export type AddImageOptions = {readonly definition: DefinitionBuilder; readonly names: StageNames | undefined};

/**
Adds the vertex of an image. `names` are those of the stage that begins with the image, not given when files are copied from it.

@returns `null` for an image without layers
*/
export function addImage(image: ResolvedImage, source: ImageSource, {definition, names}: AddImageOptions): Digest | null {
	if (image.type === 'files') {
		return addFiles(image, source, {definition, names});
	}

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

/** Files that a stage begins with are copied for it; others are taken where they are. */
function addFiles({operation}: ResolvedFiles, {namedContext, platform, location}: ImageSource, {definition, names}: AddImageOptions): Digest {
	const label = `[context ${namedContext}]`;
	const files = definition.add(operation, [], {name: operation.kind === 'source-local' ? `${label} load from client` : '', locations: [], ignoreCache: false});
	return names === undefined
		? files
		: definition.add({
			kind: 'file', root: null, actions: [everything], platform,
		}, [files], {name: `${label} copy`, locations: [location], ignoreCache: false});
}

const everything: CopyAction = {
	action: 'copy',
	input: 0,
	source: '/',
	destination: '/',
	allowWildcard: false,
	allowEmptyWildcard: false,
	directoryContentsOnly: true,
	createDestinationPath: true,
	followSymlinks: false,
	attemptUnpack: false,
	keepParents: false,
	include: [],
	exclude: [],
};

function describeImage({reference, manifestDigest, location}: ResolvedReference, {namedContext}: ImageSource): string {
	const pinned = reference.includes('@') ? reference : `${reference}@${manifestDigest}`;
	const source = location.type === 'oci-layout' ? 'OCI load from client' : reference.split('@', 1)[0];
	return namedContext === undefined ? `FROM ${pinned}` : `[context ${namedContext}] ${source}`;
}
