import {withInternalVertex} from '../kernel/internal-vertex.ts';
import {isEngineThere, loadArchive} from './docker-engine.ts';
import {encodeImage} from './encoded-image.ts';
import {
	namesOf,
	type ExportContext,
	type ExportedImage,
	type ExportSource,
} from './export-context.ts';
import {describeArchived, imageArchive, reportSending} from './image-archive.ts';
import {storeOutput, type EngineOutput} from './output-option.ts';
import {writeRepositoryImage} from './repository-image.ts';

/**
Loads an image into a Docker engine. Where none is, and the user has not named one, the image is kept in the local store instead, with a line that says so.

@throws {TsbuildError} `ERR_TSBUILD_DOCKER_ENGINE`; the reason of the signal
*/
export async function loadIntoEngine(output: EngineOutput, source: ExportSource, context: ExportContext): Promise<ExportedImage | undefined> {
	const {progress, warn, signal} = context;
	if (!output.isRequired && !await isEngineThere(output.socket)) {
		warn(`there is no Docker engine at ${output.socket}: the image is kept in the local store`);
		return keepInStore(output, source, context);
	}

	return withInternalVertex(progress, 'exporting to docker image format', async report => {
		const names = namesOf(source, output);
		const image = await encodeImage(source, output, {context, report});
		const manifest = describeArchived(image, output);
		const archive = imageArchive([{image, manifest, names}], {isForDocker: true, content: context.store.content, signal});
		await reportSending(report, async () => withInternalVertex(progress, 'importing to docker', async reportImport => loadArchive(archive, {
			socket: output.socket,
			onProgress({id, current, total}) {
				reportImport({
					id: `loading layer ${id}`, current, total, completed: current === total,
				});
			},
			signal,
		})));
		return {names, configDigest: image.assembled.configDigest, manifest};
	});
}

/** An image of which the build has names is there already. */
async function keepInStore(output: EngineOutput, source: ExportSource, context: ExportContext): Promise<ExportedImage | undefined> {
	if (source.names.length > 0) {
		return undefined;
	}

	const names = namesOf(source, output);
	return withInternalVertex(context.progress, 'exporting to image', async report => writeRepositoryImage({...storeOutput, names}, source, {context, report}));
}
