import type {ReportStatus} from '../kernel/internal-vertex.ts';
import {parseReference} from '../kernel/reference.ts';
import {encodeImage, type EncodedImage} from './encoded-image.ts';
import {
	namesOf,
	type ExportContext,
	type ExportedImage,
	type ExportSource,
} from './export-context.ts';
import type {RepositoryOutput} from './output-option.ts';
import {pushableImage} from './pushable-image.ts';

/**
Keeps an image in the local store under its names, and pushes it to the registries that these tell.

@throws what `RegistryClient` throws; the reason of the signal
*/
export async function writeRepositoryImage(output: RepositoryOutput, source: ExportSource, {context, report}: {readonly context: ExportContext; readonly report: ReportStatus}): Promise<ExportedImage> {
	const image = await encodeImage(source, output, {context, report});
	const names = namesInStore(image, {...output, names: namesOf(source, output)});
	if (output.isStored) {
		await context.images.put(image.assembled, image.manifest, {names, signal: context.signal});
		for (const name of names) {
			report({id: `naming to ${name}`, completed: true});
		}
	}

	if (output.push !== undefined) {
		await push(image, output.push, {names: namesOf(source, output), context, report});
	}

	return {names: namesOf(source, output), configDigest: image.assembled.configDigest, manifest: image.manifest.descriptor};
}

async function push(image: EncodedImage, {byDigest}: NonNullable<RepositoryOutput['push']>, {names, context, report}: {readonly names: readonly string[]; readonly context: ExportContext; readonly report: ReportStatus}): Promise<void> {
	const {openRegistry, store: {content, metadata}, signal} = context;
	// Builds that push nothing do without.
	const {pushImage} = await import('./push-image.ts');
	const references = names.map(name => parseReference(name)).map(({domain, path, tag}) => ({domain, path, ...(!byDigest && tag !== undefined && {tag})}));
	await pushImage(pushableImage(image, {content, signal}), references, {
		client: await openRegistry(), metadata, report, signal,
	});
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
