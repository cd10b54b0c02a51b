import type {ImageConfig} from '../kernel/oci-types.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {ExportContext, ExportedImage} from './export-context.ts';
import {assembleImage, type AssembledImage} from './image-assembly.ts';
import {withLocalStore, type OutputOption} from './output-option.ts';
import {writeOutput} from './outputs.ts';

/** What a build has made, and where it is to go. */
export type BuildResult = {
	/** `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
	/** As the frontend made it, without layers. */
	readonly image: ImageConfig;
	/** Full references. */
	readonly names: readonly string[];
	readonly outputs: readonly OutputOption[];
};

/**
Writes all outputs of a build, one after the other. Without any the image goes to the local store; there it goes in any case when it has a name.

@returns the image that was written last; `undefined` when only files were written
@throws what `writeOutput` throws
*/
export async function exportResult({snapshot, image, names, outputs}: BuildResult, context: ExportContext): Promise<ExportedImage | undefined> {
	const {layers, signal, store: {snapshotter}} = context;
	let assembled: Promise<AssembledImage> | undefined;
	const source = {
		snapshot,
		names,
		mtimeNanoseconds: toNanoseconds(image.created),
		// Layers are made on first need, and once.
		async image() {
			assembled ??= assembleImage({
				snapshot, image, snapshotter, layers, signal,
			});
			return assembled;
		},
	};
	let exported: ExportedImage | undefined;
	for (const output of withLocalStore(outputs, {isNamed: names.length > 0})) {
		exported = await writeOutput(output, source, context) ?? exported;
	}

	return exported;
}

/** A time that the build was given, as that of its files. */
function toNanoseconds(created: string | null | undefined): bigint | undefined {
	return typeof created === 'string' ? BigInt(Date.parse(created)) * 1_000_000n : undefined;
}
