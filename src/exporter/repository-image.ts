import {parseReference, type Reference} from '../kernel/reference.ts';
import {encodeImage, type EncodedImage, type FollowLayer} from './encoded-image.ts';
import {
	namesOf,
	type Export,
	type ExportedImage,
	type ExportSource,
} from './export-context.ts';
import type {RepositoryOutput} from './output-option.ts';
import {pushableImage} from './pushable-image.ts';

/**
Keeps an image in the local store under its names, and pushes it to the registries that these tell.

@throws what `RegistryClient` throws; the reason of the signal
*/
export async function writeRepositoryImage(output: RepositoryOutput, source: ExportSource, options: Export): Promise<ExportedImage> {
	const image = output.push === undefined ? await keepImage(output, source, options) : await pushNewImage(output, source, options);
	return {names: namesOf(source, output), configDigest: image.assembled.configDigest, manifest: image.manifest.descriptor};
}

async function keepImage(output: RepositoryOutput, source: ExportSource, {context, report, follow}: Export & {readonly follow?: FollowLayer}): Promise<EncodedImage> {
	const image = await encodeImage(source, output, {context, report, ...(follow && {follow})});
	const names = namesInStore(image, {...output, names: namesOf(source, output)});
	if (output.isStored) {
		await storeImage(image, names, {context, report, isPushed: output.push !== undefined});
	}

	return image;
}

/**
Keeps an image in the local store. Layers that are in a cache elsewhere come now, unless the image is pushed: then its place is there, and a name that would stand for an older image here is taken away.
*/
async function storeImage(image: EncodedImage, names: readonly string[], {context, report, isPushed}: Export & {readonly isPushed: boolean}): Promise<void> {
	const {images, store: {content}, signal} = context;
	const digests = image.layers.map(({digest}) => digest);
	const sizes = await Promise.all(digests.map(async digest => content.size(digest)));
	if (isPushed && sizes.includes(undefined)) {
		await images.untag(names, signal);
		return;
	}

	await Promise.all(digests.map(async digest => content.bring(digest, {signal})));
	await images.put(image.assembled, image.manifest, {names, signal});
	for (const name of names) {
		report({id: `naming to ${name}`, completed: true});
	}
}

/** New layers are sent while they are being compressed; the manifest comes last. */
async function pushNewImage(output: RepositoryOutput, source: ExportSource, {context, report}: Export): Promise<EncodedImage> {
	const {openRegistry, store: {content, metadata}, signal} = context;
	// Builds that push nothing do without.
	const [{pushImage, repositoriesOf}, {EarlyPush}, {PushMeter}] = await Promise.all([import('./push-image.ts'), import('./early-push.ts'), import('./push-meter.ts')]);
	const references = referencesToPush(output, namesOf(source, output));
	const client = await openRegistry();
	const meter = new PushMeter(report);
	await using early = new EarlyPush({
		client, references: repositoriesOf(references), meter, signal,
	});
	const {configDigest} = await source.image(output);
	await early.checkAccess(configDigest);
	const image = await keepImage(output, source, {context: {...context, signal: early.signal}, report, follow: early.follow});
	await early.finish();
	await pushImage(pushableImage(image, {content, signal}), references, {
		client, metadata, report, meter, signal,
	});
	return image;
}

function referencesToPush({push}: RepositoryOutput, names: readonly string[]): readonly Reference[] {
	return names
		.map(name => parseReference(name))
		.map(({domain, path, tag}) => ({domain, path, ...(tag !== undefined && !push!.byDigest && {tag})}));
}

/**
The names in the store, which an output may ask for more of.

@see https://github.com/moby/buildkit/blob/v0.32.2/exporter/containerimage/export.go
*/
function namesInStore({manifest}: EncodedImage, {names = [], isNameCanonical, danglingPrefix}: RepositoryOutput): readonly string[] {
	const {digest} = manifest.descriptor;
	if (danglingPrefix !== undefined && names.length === 0) {
		return [`${danglingPrefix}@${digest}`];
	}

	return isNameCanonical ? names.flatMap(name => [name, `${name}@${digest}`]) : names;
}
