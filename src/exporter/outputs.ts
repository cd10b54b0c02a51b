import {withInternalVertex, type ReportStatus} from '../kernel/internal-vertex.ts';
import {treeTar} from '../../snapshotter/diff.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import type {
	Export,
	ExportContext,
	ExportedImage,
	ExportSource,
} from './export-context.ts';
import {reportSending, writeImage} from './image-archive.ts';
import {writeLocalTree} from './local-tree.ts';
import {writeOutputFile} from './output-file.ts';
import type {OutputOption} from './output-option.ts';
import {writeRepositoryImage} from './repository-image.ts';

/** What the steps of the exporters are called, as with BuildKit. */
const vertexNames = {
	image: 'exporting to image',
	oci: 'exporting to oci image format',
	'oci-directory': 'exporting to oci image format',
	docker: 'exporting to docker image format',
	tar: 'exporting to client tarball',
	local: 'exporting to client directory',
} as const;

/**
Writes one output.

@returns the image that was written, for outputs that are images
@throws {TsbuildError} `ERR_TSBUILD_EXPORT`; `ERR_TSBUILD_DOCKER_ENGINE`; the reason of the signal
*/
export async function writeOutput(output: OutputOption, source: ExportSource, context: ExportContext): Promise<ExportedImage | undefined> {
	const write = async <Value>(type: keyof typeof vertexNames, work: (report: ReportStatus) => Promise<Value>) => {
		const vertex = {name: vertexNames[type], key: JSON.stringify(output)};
		return withInternalVertex(context.progress, vertex, work);
	};

	switch (output.type) {
		case 'image': {
			return write(output.type, async report => writeRepositoryImage(output, source, {context, report}));
		}

		case 'oci':
		case 'oci-directory':
		case 'docker': {
			return write(output.type, async report => writeImage(output, source, {context, report}));
		}

		case 'docker-engine': {
			const {loadIntoEngine} = await import('./engine-image.ts');
			return loadIntoEngine(output, source, context);
		}

		case 'tar': {
			return write(output.type, async report => writeRootTar(output.destination, source, {context, report}));
		}

		case 'local': {
			return write(output.type, async report => writeRootDirectory(output.destination, source, {context, report}));
		}

		case 'cacheonly': {
			return undefined;
		}
	}
}

async function writeRootTar(destination: string, {snapshot, mtimeNanoseconds}: ExportSource, {context, report}: Export): Promise<undefined> {
	const {signal, store} = context;
	await reportSending(report, async () => {
		if (snapshot === null) {
			await writeOutputFile(destination, writeTar([]), signal);
			return;
		}

		using root = await store.snapshotter.view(snapshot);
		await writeOutputFile(destination, treeTar(root, {mtimeNanoseconds, signal}), signal);
	});
}

async function writeRootDirectory(destination: string, {snapshot, mtimeNanoseconds}: ExportSource, {context, report}: Export): Promise<undefined> {
	const {signal, store} = context;
	if (snapshot === null) {
		return;
	}

	const started = Date.now();
	using root = await store.snapshotter.view(snapshot);
	const current = await writeLocalTree(root, destination, {mtimeNanoseconds, signal});
	report({
		id: 'copying files',
		current,
		started,
		completed: true,
	});
}
